//! Which settings of a repository are left in force although agent code wrote them: those that make git run nothing and
//! lead it nowhere. A list of what is allowed, since git learns new ways to run programs.
//!
//! Only lines of the plainest form count: one section, or one name with its value, without quotes, continuation or
//! escapes. So no text is read in one way here and in another by git.

/// What becomes of a settings file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cleaned {
    /// The file without what was taken out.
    pub text: Vec<u8>,
    /// Names of what was taken out, in small letters, each once.
    pub taken: Vec<String>,
}

/// More names are not told.
const MOST_TAKEN: usize = 5;
const NOT_PLAIN: &str = "a line that is not plain";

/// Sections without a second name of which all values are harmless.
const FREE: [&str; 9] = ["advice", "author", "color", "column", "committer", "index", "log", "push", "user"];

/// Sections without a second name, with what is harmless of them. Not that by which git asks a server for what is missing
/// whenever it needs it (`extensions.partialClone`).
const ALONE: [(&str, &[&str]); 14] = [
    ("commit", &["gpgsign", "verbose"]),
    (
        "core",
        &[
            "abbrev",
            "autocrlf",
            "bare",
            "bigfilethreshold",
            "checkstat",
            "commentchar",
            "compression",
            "deltabasecachelimit",
            "eol",
            "filemode",
            "fsyncmethod",
            "hidedotfiles",
            "ignorecase",
            "ignorestat",
            "logallrefupdates",
            "longpaths",
            "loosecompression",
            "multipackindex",
            "packedgitlimit",
            "packedgitwindowsize",
            "precomposeunicode",
            "preloadindex",
            "protecthfs",
            "protectntfs",
            "quotepath",
            "repositoryformatversion",
            "safecrlf",
            "sharedrepository",
            "sparsecheckout",
            "sparsecheckoutcone",
            "symlinks",
            "trustctime",
            "untrackedcache",
        ],
    ),
    ("diff", &["algorithm", "colormoved", "mnemonicprefix", "noprefix", "renames"]),
    (
        "extensions",
        &[
            "compatobjectformat",
            "noop",
            "objectformat",
            "preciousobjects",
            "refstorage",
            "relativeworktrees",
            "worktreeconfig",
        ],
    ),
    ("fetch", &["prune"]),
    ("gc", &["auto"]),
    ("init", &["defaultbranch"]),
    ("lfs", &["repositoryformatversion"]),
    ("merge", &["conflictstyle", "ff", "renames"]),
    ("pull", &["ff", "rebase"]),
    ("rebase", &["autosquash", "autostash"]),
    ("remote", &["pushdefault"]),
    ("status", &["renames", "short", "showuntrackedfiles"]),
    ("submodule", &["active", "recurse"]),
];
/// Sections with a second name, such as that of a branch.
const NAMED: [(&str, &[&str]); 3] = [
    ("branch", &["description", "merge", "pushremote", "rebase", "remote"]),
    ("remote", &["fetch", "mirror", "prune", "push", "skipdefaultupdate", "skipfetchall", "tagopt"]),
    ("submodule", &["active", "branch", "fetchrecursesubmodules", "ignore", "shallow"]),
];

/// Takes out of a settings file what is not known to be harmless. `is_work_tree` tells whether a path that was noted in the
/// folder of the repository leads to its own work tree, in the workspace.
pub(crate) fn clean(file: &[u8], is_work_tree: impl Fn(&str) -> bool) -> Cleaned {
    let mut cleaned = Cleaned { text: Vec::with_capacity(file.len()), taken: Vec::new() };
    let mut take = |name: String| {
        if cleaned.taken.len() < MOST_TAKEN && !cleaned.taken.contains(&name) {
            cleaned.taken.push(name);
        }
    };
    // Names that come before every section, or after one that was taken out, belong to none.
    let mut section: Option<(String, String)> = None;
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let plain = line.strip_suffix(b"\n").unwrap_or(line);
        let plain = plain.strip_suffix(b"\r").unwrap_or(plain);
        let plain = std::str::from_utf8(plain).ok().map(|text| text.trim_matches([' ', '\t']));
        let keeps = match plain {
            Some("") => true,
            Some(comment) if comment.starts_with(['#', ';']) => true,
            Some(text) if text.starts_with('[') => {
                section = section_of(text);
                if section.is_none() {
                    take(NOT_PLAIN.to_owned());
                }
                section.is_some()
            }
            Some(text) => {
                if let (Some((name, second)), Some((key, value))) = (&section, value_of(text)) {
                    let keeps = is_plain(value) && is_harmless(name, second, &key, value, &is_work_tree);
                    if !keeps {
                        take(format!("{name}.{key}"));
                    }
                    keeps
                } else {
                    take(NOT_PLAIN.to_owned());
                    false
                }
            }
            None => {
                take(NOT_PLAIN.to_owned());
                false
            }
        };
        if keeps {
            cleaned.text.extend_from_slice(line);
            if !line.ends_with(b"\n") {
                cleaned.text.push(b'\n');
            }
        }
    }
    cleaned
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(|sign| matches!(sign, '\\' | '"') || (sign.is_control() && sign != '\t'))
}

/// The name of a section in small letters and its second name: of `[remote "origin"]`, `remote` and `origin`.
fn section_of(line: &str) -> Option<(String, String)> {
    let inner = line.strip_prefix('[')?.strip_suffix(']')?;
    let (name, second) = match inner.split_once(' ') {
        Some((name, rest)) => (name, rest.strip_prefix('"')?.strip_suffix('"')?),
        None => (inner, ""),
    };
    let is_name = !name.is_empty() && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-');
    (is_name && is_plain(second)).then(|| (name.to_ascii_lowercase(), second.to_owned()))
}

/// The name in small letters, and the value; a name alone stands for "true".
fn value_of(line: &str) -> Option<(String, &str)> {
    let (key, value) = match line.split_once('=') {
        Some((key, value)) => (key.trim_end_matches([' ', '\t']), value.trim_matches([' ', '\t'])),
        None => (line, "true"),
    };
    let mut signs = key.chars();
    let is_name = signs.next().is_some_and(|sign| sign.is_ascii_alphabetic())
        && signs.all(|sign| sign.is_ascii_alphanumeric() || sign == '-');
    is_name.then(|| (key.to_ascii_lowercase(), value))
}

fn is_harmless(
    section: &str,
    second: &str,
    key: &str,
    value: &str,
    is_work_tree: &impl Fn(&str) -> bool,
) -> bool {
    let is_alone = second.is_empty();
    match (section, key) {
        ("core", "worktree") => is_alone && is_work_tree(value),
        // Not addresses that name a program of their own, nor those that a program would take for an option.
        ("remote", "pushurl" | "url") | ("submodule", "url") => {
            !value.contains("::") && !value.starts_with('-')
        }
        ("submodule", "update") => matches!(value, "checkout" | "merge" | "none" | "rebase"),
        _ => {
            let listed = if is_alone { &ALONE[..] } else { &NAMED[..] };
            (is_alone && FREE.contains(&section))
                || listed.iter().any(|(known, keys)| *known == section && keys.contains(&key))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(file: &str) -> Vec<String> {
        clean(file.as_bytes(), |path| path == "../../inside").taken
    }

    #[test]
    fn what_git_writes_by_itself_stays() {
        let file = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
                    \tlogallrefupdates = true\r\n\n# a comment\n[remote \"origin\"]\n\
                    \turl = git@github.com:a/b.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\
                    [branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n\
                    [user]\n\tname = Grüße\n\temail = a@localhost\n[submodule \"lib\"]\n\tactive = true\n\
                    \turl = /somewhere\n[core]\n\tworktree = ../../inside\n[extensions]\n\tobjectFormat = sha256";
        let cleaned = clean(file.as_bytes(), |path| path == "../../inside");
        assert_eq!(cleaned.taken, Vec::<String>::new());
        assert_eq!(String::from_utf8(cleaned.text).unwrap(), format!("{file}\n"));
    }

    #[test]
    fn what_runs_programs_or_leads_elsewhere_is_taken_out() {
        for (file, name) in [
            ("[core]\nfsmonitor = x", "core.fsmonitor"),
            ("[CORE]\nhooksPath = x", "core.hookspath"),
            ("[core]\nsshCommand = x", "core.sshcommand"),
            ("[core]\npager = x", "core.pager"),
            ("[core]\neditor = x", "core.editor"),
            ("[core]\nattributesFile = x", "core.attributesfile"),
            ("[core]\nworktree = /home/you", "core.worktree"),
            ("[filter \"a\"]\nclean = x", "filter.clean"),
            ("[diff \"a\"]\ntextconv = x", "diff.textconv"),
            ("[diff]\nexternal = x", "diff.external"),
            ("[alias]\nst = !x", "alias.st"),
            ("[include]\npath = x", "include.path"),
            ("[includeIf \"gitdir:/\"]\npath = x", "includeif.path"),
            ("[remote \"o\"]\nurl = ext::sh -c x", "remote.url"),
            ("[remote \"o\"]\nuploadpack = x", "remote.uploadpack"),
            ("[submodule \"o\"]\nupdate = !x", "submodule.update"),
            ("[credential]\nhelper = x", "credential.helper"),
            ("[gpg]\nprogram = x", "gpg.program"),
            ("[merge \"a\"]\ndriver = x", "merge.driver"),
            ("[pager]\nlog = x", "pager.log"),
            ("[init]\ntemplateDir = x", "init.templatedir"),
            ("[extensions]\npartialClone = x", "extensions.partialclone"),
            ("[sequence]\neditor = x", "sequence.editor"),
            ("[color \"x\"]\nfsmonitor = x", "color.fsmonitor"),
        ] {
            assert_eq!(taken(file), [name], "{file}");
        }
    }

    #[test]
    fn what_is_not_plain_is_taken_out_with_what_depends_on_it() {
        for file in [
            "[user]\nname = a\\\n[core]",
            "[user]\nname = \"a\"",
            "[user]\nname = a\rb",
            "[user]\nname = a\0b",
        ] {
            assert_eq!(taken(file), ["user.name"], "{file:?}");
        }
        for file in [
            "[core] fsmonitor = x",
            "[core.x]\nbare = true",
            "[user\nname = a",
            "[user]\n= a",
            "[color \"a\\\"]\nui = x",
            "bare = true",
            "\u{feff}[user]\nname = a",
        ] {
            let cleaned = clean(file.as_bytes(), |_| false);
            assert_eq!(cleaned.taken, [NOT_PLAIN], "{file:?}");
        }
        let cleaned = clean(
            b"[core]\n\tbare = false\n[x.y]\n\tfsmonitor = z\n\tbare = true\n[user]\n\tname = a\n",
            |_| false,
        );
        assert_eq!(cleaned.text, b"[core]\n\tbare = false\n[user]\n\tname = a\n");
        // Continued lines do not bring anything back.
        let cleaned = clean(b"[user]\n\tname = a\\\n[core]\n\tfsmonitor = x\n", |_| false);
        assert_eq!(cleaned.text, b"[user]\n[core]\n");
    }
}
