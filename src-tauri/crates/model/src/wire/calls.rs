//! Tool calls as they come in fragments.

use crate::ModelEvent;

/// Where a fragment belongs, as the server says it.
#[derive(Debug, Default, Clone)]
pub(crate) struct CallFragment {
    pub index: Option<u64>,
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// One call while it comes.
#[derive(Debug, Default)]
struct OpenCall {
    server_index: Option<u64>,
    id: String,
    name: String,
    /// Arguments that came before the name.
    held: String,
    /// Its number among the calls that began.
    begun: Option<u32>,
}

/// Sorts fragments into calls. Servers differ: most number their fragments; some number nothing, some number
/// every call 0 and tell them apart by id, some send a call whole, some the id before the name.
#[derive(Debug, Default)]
pub(crate) struct CallSorter {
    calls: Vec<OpenCall>,
    begun: u32,
}

impl CallSorter {
    /// Takes one fragment.
    pub fn take(&mut self, fragment: CallFragment) -> Vec<ModelEvent> {
        let mut events = Vec::new();
        let position = self.position(&fragment);
        let position = position.unwrap_or_else(|| {
            self.calls.push(OpenCall { server_index: fragment.index, ..OpenCall::default() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[position];
        if call.id.is_empty() {
            call.id = fragment.id;
        }
        if call.name.is_empty() {
            call.name = fragment.name;
        }
        let mut text = fragment.arguments;
        let index = match call.begun {
            Some(index) => index,
            None if call.name.is_empty() => {
                call.held.push_str(&text);
                return events;
            }
            None => {
                let index = self.begun;
                self.begun += 1;
                call.begun = Some(index);
                if call.id.is_empty() {
                    call.id = format!("call_{:016x}", fastrand::u64(..));
                }
                events.push(ModelEvent::ToolCallStarted {
                    index,
                    id: call.id.clone(),
                    name: call.name.clone(),
                });
                text.insert_str(0, &std::mem::take(&mut call.held));
                index
            }
        };
        if !text.is_empty() {
            events.push(ModelEvent::ToolCallArguments { index, text });
        }
        events
    }

    /// Any call began.
    pub fn any(&self) -> bool {
        self.begun > 0
    }

    fn position(&self, fragment: &CallFragment) -> Option<usize> {
        let last_with = |test: &dyn Fn(&OpenCall) -> bool| self.calls.iter().rposition(test);
        let found = match fragment.index {
            Some(index) => last_with(&|call| call.server_index == Some(index)),
            None if !fragment.id.is_empty() => {
                last_with(&|call| call.id == fragment.id || call.id.is_empty())
            }
            // Without number and id a name begins a call, and anything else goes on with the last.
            None if !fragment.name.is_empty() => last_with(&|call| call.name.is_empty()),
            None => self.calls.len().checked_sub(1),
        }?;
        let call = &self.calls[found];
        let other_call = !fragment.id.is_empty()
            && !fragment.name.is_empty()
            && !call.id.is_empty()
            && !call.name.is_empty()
            && call.id != fragment.id;
        (!other_call).then_some(found)
    }
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
