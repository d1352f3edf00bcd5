//! Texts that Windows is given: command lines, environments, identities, access. Made and tested on every system.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// The label by which something may be written at the lowest level that programs of a user have: for the folder, and
/// for all that is made in it.
pub(crate) const LOW_LABEL: &str = "S:(ML;OICI;NW;;;LW)";
/// The identity of that level.
pub(crate) const LOW_LEVEL: &str = "S-1-16-4096";
/// Groups that give power over the machine. A token keeps them only to be refused by.
pub(crate) const POWERFUL: &[&str] = &[
    // Administrators, power users, operators of accounts, servers, printing and backup, replicators.
    "S-1-5-32-544",
    "S-1-5-32-547",
    "S-1-5-32-548",
    "S-1-5-32-549",
    "S-1-5-32-550",
    "S-1-5-32-551",
    "S-1-5-32-552",
    // Operators of networks and of cryptography, readers of logs, administrators of virtual machines.
    "S-1-5-32-556",
    "S-1-5-32-569",
    "S-1-5-32-573",
    "S-1-5-32-578",
    // Any local account that is an administrator.
    "S-1-5-114",
];
/// Who may read what everybody may: everyone, users, and restricted code.
pub(crate) const PUBLIC: &[&str] = &["S-1-1-0", "S-1-5-32-545", "S-1-5-12"];

/// Where Windows finds its own programs if its variables do not say.
pub(crate) const WINDOWS_FOLDER: &str = r"C:\Windows";

/// The identity that the commands of one workspace have in common and nobody else has. A folder that lets it in is in
/// their reach. It is made of the path, so that a folder is opened once and not at every command.
pub(crate) fn identity(workspace: &str) -> String {
    let digest = Sha256::digest(workspace.to_lowercase().as_bytes());
    let number =
        |part: &[u8]| part.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)).to_string();
    let numbers: Vec<String> = digest.chunks_exact(4).take(4).map(number).collect();
    format!("S-1-5-21-{}", numbers.join("-"))
}

/// Who may do what with objects that a command makes and names no access for: the system, the user and itself.
pub(crate) fn default_access(user: &str, identity: &str) -> String {
    format!("D:(A;;GA;;;SY)(A;;GA;;;{user})(A;;GA;;;{identity})")
}

/// One argument as the usual programs take it apart again: quotation marks are escaped, and backslashes only in front
/// of one.
pub(crate) fn quoted(argument: &str) -> String {
    if !argument.is_empty() && !argument.contains([' ', '\t', '\n', '\u{b}', '"']) {
        return argument.to_owned();
    }
    let mut text = "\"".to_owned();
    let mut backslashes = 0;
    for letter in argument.chars() {
        match letter {
            '\\' => backslashes += 1,
            '"' => {
                text.push_str(&"\\".repeat(backslashes * 2 + 1));
                backslashes = 0;
            }
            _ => {
                text.push_str(&"\\".repeat(backslashes));
                backslashes = 0;
            }
        }
        if letter != '\\' {
            text.push(letter);
        }
    }
    text.push_str(&"\\".repeat(backslashes * 2));
    text.push('"');
    text
}

/// The variable that holds the path of the script.
pub(crate) const SCRIPT: &str = "OKCVM_SCRIPT";

/// The command line that runs a script: the shell's own rules for quotation marks differ from those of programs, and a
/// variable keeps whatever is in the path away from them. No commands of the registry are run first.
pub(crate) fn shell_line(shell: &str) -> String {
    format!("{} /d /q /e:on /v:off /s /c \"\"%{SCRIPT}%\"\"", quoted(shell))
}

/// A script as a file of the shell: its lines end as there, and its text is UTF-8.
pub(crate) fn script_file(script: &str) -> String {
    let mut text = "@echo off\r\nchcp 65001 >nul\r\n".to_owned();
    for line in script.lines() {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

/// Variables as a block: one text after the other with a NUL after each and one at the end, in the order of their
/// names. Case does not count in a name; the last of a name holds.
pub(crate) fn environment_block(variables: &[(String, String)]) -> Vec<u16> {
    let mut sorted: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for (name, value) in variables {
        sorted.insert(name.to_uppercase(), (name, value));
    }
    let mut block = Vec::new();
    for (name, value) in sorted.values() {
        block.extend(name.encode_utf16());
        block.push(u16::from(b'='));
        block.extend(value.encode_utf16());
        block.push(0);
    }
    // An empty block has two as well.
    if block.is_empty() {
        block.push(0);
    }
    block.push(0);
    block
}

/// A text as the system takes it.
pub(crate) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// A path without the prefix of resolved ones, which the shell does not take as its folder. `None` for a folder of
/// another machine, which it does not take either.
pub(crate) fn plain_path(path: &str) -> Option<String> {
    let plain = match path.strip_prefix(r"\\?\") {
        Some(rest) if rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(r"UNC\")) => return None,
        Some(rest) => rest,
        None => path,
    };
    (!plain.starts_with(r"\\")).then(|| plain.to_owned())
}

/// Folders of programs that a command may use: those of this user's search path but for what lies in the home folder,
/// with the system's own first.
pub(crate) fn search_path(path: &str, home: Option<&str>, windows: &str) -> String {
    let simple = |folder: &str| folder.trim_end_matches('\\').to_lowercase();
    let home = home.map(simple).filter(|home| !home.is_empty());
    let mut folders = vec![format!(r"{windows}\System32"), windows.to_owned()];
    folders.push(format!(r"{windows}\System32\WindowsPowerShell\v1.0"));
    for folder in path.split(';').map(|folder| folder.trim_matches('"')) {
        let name = simple(folder);
        let is_absolute = matches!(name.as_bytes(), [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic());
        let is_of_home = home.as_deref().is_some_and(|home| {
            name.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
        });
        if is_absolute && !is_of_home && !folders.iter().any(|known| simple(known) == name) {
            folders.push(folder.to_owned());
        }
    }
    folders.join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_as_programs_take_them_apart() {
        for (argument, wanted) in [
            ("plain", "plain"),
            ("", "\"\""),
            ("two words", "\"two words\""),
            ("say \"hi\"", "\"say \\\"hi\\\"\""),
            (r"C:\a b\", "\"C:\\a b\\\\\""),
            (r#"a\"b"#, r#""a\\\"b""#),
            (r"C:\no\spaces\", r"C:\no\spaces\"),
            ("计算机 é", "\"计算机 é\""),
            ("a\tb", "\"a\tb\""),
        ] {
            assert_eq!(quoted(argument), wanted, "{argument}");
            assert_eq!(taken_apart(&quoted(argument)), [argument], "{argument}");
        }
        assert_eq!(taken_apart(&["a b", "\\\"", "c\\"].map(quoted).join(" ")), ["a b", "\\\"", "c\\"]);
    }

    /// The rules of `CommandLineToArgvW` for all but the first argument.
    fn taken_apart(line: &str) -> Vec<String> {
        let (mut found, mut current, mut open, mut begun, mut backslashes) =
            (Vec::new(), String::new(), false, false, 0);
        for letter in line.chars() {
            if letter == '\\' {
                backslashes += 1;
                begun = true;
                continue;
            }
            if letter == '"' {
                current.push_str(&"\\".repeat(backslashes / 2));
                if backslashes % 2 == 1 {
                    current.push('"');
                } else {
                    open = !open;
                }
                begun = true;
            } else {
                current.push_str(&"\\".repeat(backslashes));
                if !open && (letter == ' ' || letter == '\t') {
                    if begun {
                        found.push(std::mem::take(&mut current));
                    }
                    begun = false;
                } else {
                    current.push(letter);
                    begun = true;
                }
            }
            backslashes = 0;
        }
        current.push_str(&"\\".repeat(backslashes));
        if begun {
            found.push(current);
        }
        found
    }

    #[test]
    fn an_environment_is_sorted_and_ends_twice() {
        let variables = [("b", "2"), ("A", "1"), ("Path", r"C:\x;计"), ("PATH", "last")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let block = String::from_utf16(&environment_block(&variables)).unwrap();
        assert_eq!(block, "A=1\0b=2\0PATH=last\0\0");
        assert_eq!(environment_block(&[]), [0, 0]);
    }

    #[test]
    fn an_identity_belongs_to_one_folder() {
        let one = identity(r"C:\Users\me\work");
        assert_eq!(one, identity(r"c:\users\ME\work"));
        assert_ne!(one, identity(r"C:\Users\me\work2"));
        let parts: Vec<&str> = one.split('-').collect();
        assert_eq!((parts.len(), &parts[..4]), (8, &["S", "1", "5", "21"][..]));
        assert!(parts[4..].iter().all(|part| part.parse::<u32>().is_ok()), "{one}");
        assert_eq!(
            default_access("S-1-5-21-1", &one),
            format!("D:(A;;GA;;;SY)(A;;GA;;;S-1-5-21-1)(A;;GA;;;{one})")
        );
    }

    #[test]
    fn paths_lose_only_the_prefix_of_resolved_ones() {
        assert_eq!(plain_path(r"\\?\C:\a b\计").as_deref(), Some(r"C:\a b\计"));
        assert_eq!(plain_path(r"C:\a").as_deref(), Some(r"C:\a"));
        assert_eq!(plain_path(r"\\?\UNC\server\share"), None);
        assert_eq!(plain_path(r"\\server\share"), None);
    }

    #[test]
    fn nothing_of_the_home_folder_is_searched() {
        let path = r#"C:\Windows\system32;"C:\Program Files\Git\cmd";C:\Users\me\bin;relative;C:\users\ME;C:\Users\meg\bin;\\server\bin;;"#;
        assert_eq!(
            search_path(path, Some(r"C:\Users\me\"), r"C:\Windows"),
            r"C:\Windows\System32;C:\Windows;C:\Windows\System32\WindowsPowerShell\v1.0;C:\Program Files\Git\cmd;C:\Users\meg\bin"
        );
    }

    #[test]
    fn a_script_becomes_a_file_of_the_shell() {
        assert_eq!(
            script_file("echo a\necho 计\r\n"),
            "@echo off\r\nchcp 65001 >nul\r\necho a\r\necho 计\r\n"
        );
        assert_eq!(
            shell_line(r"C:\Windows\System32\cmd.exe"),
            r#"C:\Windows\System32\cmd.exe /d /q /e:on /v:off /s /c ""%OKCVM_SCRIPT%"""#
        );
    }
}
