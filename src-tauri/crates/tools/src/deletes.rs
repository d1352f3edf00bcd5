//! Whether code looks as if it deleted files. A guess by words, never a boundary.

/// Programs whose work it is to delete.
const PROGRAMS: [&str; 6] = ["rm", "rmdir", "unlink", "shred", "srm", "wipe"];
/// What deleting looks like in languages that commands are often written in.
const CALLS: [&str; 9] = [
    "os.remove",
    "os.unlink",
    "os.rmdir",
    "os.removedirs",
    "shutil.rmtree",
    ".unlink(",
    ".rmdir(",
    "fs.rm",
    "fs.unlink",
];

/// Whether one of its words deletes.
pub(crate) fn deletes(code: &str) -> bool {
    if CALLS.iter().any(|call| code.contains(call)) {
        return true;
    }
    let words: Vec<&str> = code
        .split(|sign: char| sign.is_whitespace() || ";|&(){}`\"'$!<>".contains(sign))
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().enumerate().any(|(index, word)| {
        let program = word.trim_start_matches('\\').rsplit('/').next().unwrap_or_default();
        let before = || words.get(..index).unwrap_or_default();
        PROGRAMS.contains(&program)
            || *word == "-delete"
            || *word == "--delete"
            || (matches!(*word, "clean" | "rm" | "reset")
                && before().iter().any(|earlier| earlier.rsplit('/').next() == Some("git")))
    })
}

#[cfg(test)]
mod tests {
    use super::deletes;

    #[test]
    fn words_that_delete_are_found_wherever_they_stand() {
        for code in [
            "rm -rf output",
            "cd a && /bin/rm b",
            "find . -name '*.tmp' -delete",
            "ls; \\rm x",
            "echo $(rm x)",
            "xargs rm < list",
            "git clean -fdx",
            "git -C a reset --hard",
            "rsync -a --delete a/ b/",
            "python3 -c 'import os; os.remove(\"a\")'",
            "import shutil\nshutil.rmtree('a')",
            "sh -c \"unlink x\"",
        ] {
            assert!(deletes(code), "{code}");
        }
    }

    #[test]
    fn other_words_do_not() {
        for code in
            ["", "ls -la", "echo form", "grep -r rmdirs .", "cat arm.txt", "npm run clean", "删除 文件"]
        {
            assert!(!deletes(code), "{code}");
        }
    }
}
