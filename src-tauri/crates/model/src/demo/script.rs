//! A job as straight-line code: it runs from its start on every request, and stops at the first call that has
//! no result yet.

use serde_json::{Value, json};

/// A call that was made in this job, with its result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DoneCall {
    pub name: String,
    pub arguments: Value,
    pub result: String,
    pub is_error: bool,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub text: String,
    pub is_error: bool,
}

/// A call to make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub tool: Tool,
    pub arguments: Value,
}

/// The tools that the jobs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    TodoWrite,
    TodoRead,
    ReadFile,
    WriteFile,
    EditFile,
    Shell,
    Deploy,
    Slides,
}

impl Tool {
    pub fn name(self) -> &'static str {
        match self {
            Self::TodoWrite => "mshtools-todo_write",
            Self::TodoRead => "mshtools-todo_read",
            Self::ReadFile => "mshtools-read_file",
            Self::WriteFile => "mshtools-write_file",
            Self::EditFile => "mshtools-edit_file",
            Self::Shell => "mshtools-shell",
            Self::Deploy => "mshtools-deploy_website",
            Self::Slides => "mshtools-slides_generator",
        }
    }
}

impl Call {
    pub fn todos(todos: &[Value]) -> Self {
        Self { tool: Tool::TodoWrite, arguments: json!({ "todos": todos }) }
    }

    pub fn read_todos() -> Self {
        Self { tool: Tool::TodoRead, arguments: json!({}) }
    }

    /// The source of a file. Without an offset, pages and tables would come as Markdown.
    pub fn read(path: &str, offset: Option<u64>, limit: u64) -> Self {
        let arguments = json!({"file_path": path, "offset": offset.unwrap_or(1), "limit": limit});
        Self { tool: Tool::ReadFile, arguments }
    }

    pub fn write(path: &str, content: &str) -> Self {
        Self { tool: Tool::WriteFile, arguments: json!({"file_path": path, "content": content}) }
    }

    pub fn edit(path: &str, old: &str, new: &str) -> Self {
        Self {
            tool: Tool::EditFile,
            arguments: json!({"file_path": path, "old_string": old, "new_string": new}),
        }
    }

    pub fn shell(command: &str, description: &str) -> Self {
        Self { tool: Tool::Shell, arguments: json!({"command": command, "description": description}) }
    }

    pub fn deploy(folder: &str) -> Self {
        Self { tool: Tool::Deploy, arguments: json!({"type": "static", "local_dir": folder}) }
    }

    pub fn slides(path: &str) -> Self {
        Self { tool: Tool::Slides, arguments: json!({"file_path": path}) }
    }

    /// Whether a call of the history is this one. Contents may differ, because a later wish changes them.
    fn is(&self, done: &DoneCall) -> bool {
        let same = |key: &str| self.arguments.get(key) == done.arguments.get(key);
        done.name == self.tool.name()
            && match self.tool {
                Tool::TodoWrite | Tool::TodoRead => true,
                Tool::ReadFile => same("file_path") && same("offset"),
                Tool::WriteFile | Tool::Slides => same("file_path"),
                Tool::EditFile => same("file_path") && same("old_string"),
                Tool::Shell => same("command"),
                Tool::Deploy => same("local_dir"),
            }
    }
}

/// What the model does now.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Step {
    pub reasoning: String,
    pub text: String,
    /// Empty if the job is done.
    pub calls: Vec<Call>,
}

impl Step {
    /// The last words of a job.
    pub fn close(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// What is said before a call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Say<'a> {
    pub reasoning: &'a str,
    pub text: &'a str,
}

impl<'a> Say<'a> {
    pub fn nothing() -> Self {
        Self::default()
    }

    pub fn text(text: &'a str) -> Self {
        Self { reasoning: "", text }
    }

    pub fn thinking(reasoning: &'a str) -> Self {
        Self { reasoning, text: "" }
    }
}

/// The calls of the job so far, and the tools that are offered.
pub(crate) struct Tape<'a> {
    done: &'a [DoneCall],
    position: usize,
    offered: &'a [String],
    /// Words for a call that could not be made; the next call says them.
    unsaid: (String, String),
}

impl<'a> Tape<'a> {
    pub fn new(done: &'a [DoneCall], offered: &'a [String]) -> Self {
        Self { done, position: 0, offered, unsaid: Default::default() }
    }

    pub fn offers(&self, tool: Tool) -> bool {
        self.offered.iter().any(|name| name == tool.name())
    }

    /// The first tool of those that is not offered.
    pub fn missing(&self, tools: &[Tool]) -> Option<Tool> {
        tools.iter().copied().find(|tool| !self.offers(*tool))
    }

    /// The result of a call. If it has none yet, `Err` is the step that makes the call.
    pub fn call(&mut self, say: Say<'_>, call: Call) -> Result<Outcome, Step> {
        let mut outcomes = self.calls(say, vec![call])?;
        Ok(outcomes.pop().unwrap_or(Outcome { text: String::new(), is_error: true }))
    }

    /// The results of calls that are made in one step.
    pub fn calls(&mut self, say: Say<'_>, calls: Vec<Call>) -> Result<Vec<Outcome>, Step> {
        let mut outcomes = Vec::new();
        let mut open = Vec::new();
        for call in calls {
            // Calls that belong to no line of the script (another model's, or an older wish's) are passed over.
            match self.done[self.position..].iter().position(|done| call.is(done)) {
                Some(ahead) => {
                    let done = &self.done[self.position + ahead];
                    self.position += ahead + 1;
                    outcomes.push(Outcome { text: done.result.clone(), is_error: done.is_error });
                }
                None => open.push(call),
            }
        }
        let (reasoning, text) = std::mem::take(&mut self.unsaid);
        if open.is_empty() {
            return Ok(outcomes);
        }
        Err(Step { reasoning: reasoning + say.reasoning, text: text + say.text, calls: open })
    }

    /// The same for a tool that the job can do without.
    pub fn call_if_offered(&mut self, say: Say<'_>, call: Call) -> Result<Option<Outcome>, Step> {
        if self.offers(call.tool) {
            return self.call(say, call).map(Some);
        }
        self.unsaid.0.push_str(say.reasoning);
        self.unsaid.1.push_str(say.text);
        Ok(None)
    }
}
