//! Whether code looks as if it deleted files. A guess by words, never a boundary.

/// Programs whose work it is to delete, or to empty.
const PROGRAMS: [&str; 9] = ["rm", "rmdir", "unlink", "shred", "srm", "wipe", "truncate", "rimraf", "trash"];
/// What deleting looks like in languages that commands are often written in.
const CALLS: [&str; 14] = [
    "os.remove",
    "os.rmdir",
    "shutil.rmtree",
    "unlink",
    ".rmdir",
    "rmdirSync",
    "rmSync",
    "fs.rm",
    "('fs').rm",
    "(\"fs\").rm",
    "File.delete",
    "FileUtils.rm",
    ".truncate",
    "truncateSync",
];
/// Options by which other programs delete what they have read.
const OPTIONS: [&str; 3] = ["-delete", "--delete", "--remove-files"];
/// Of git, what throws work away.
const OF_GIT: [&str; 5] = ["clean", "rm", "reset", "restore", "stash"];
/// Of git, what only reads a repository. Everything else may change its data.
const READING: [&str; 22] = [
    "archive",
    "blame",
    "cat-file",
    "count-objects",
    "describe",
    "diff",
    "diff-tree",
    "for-each-ref",
    "fsck",
    "grep",
    "help",
    "log",
    "ls-files",
    "ls-tree",
    "merge-base",
    "name-rev",
    "rev-list",
    "rev-parse",
    "shortlog",
    "show",
    "status",
    "version",
];
/// Programs that have git work for them.
const WITH_GIT: [&str; 5] = ["gh", "glab", "hub", "jj", "pre-commit"];
/// Where files are gone once the command has ended.
const NOWHERE: [&str; 6] = ["/tmp", "/var/tmp", "/dev", "$TMPDIR", "$HOME", "~"];

/// Whether one of its words deletes.
pub(crate) fn deletes(code: &str) -> bool {
    if CALLS.iter().any(|call| code.contains(call)) {
        return true;
    }
    // Output that is thrown away is no file.
    let code = code.replace("> /dev/null", ">/dev/null").replace(">/dev/null", "");
    code.split(['\n', ';', '|', '&', '(', '{', '`']).map(str::trim).any(|part| {
        let over_what_is_there = part.starts_with('>') && part.len() > 1 && !part.starts_with(">>");
        over_what_is_there || part.starts_with(": >") || discards(part)
    })
}

/// Whether code looks as if it had git change the data of a repository. A guess by words, too.
pub fn changes_history(code: &str) -> bool {
    let breaks = |sign: char| sign.is_whitespace() || "!;|&(){}`\"',[]".contains(sign);
    let mut words = code.split(breaks).filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let program = word.rsplit('/').next().unwrap_or_default();
        if WITH_GIT.contains(&program) && words.peek().is_some() {
            return true;
        }
        if program != "git" {
            continue;
        }
        // Options before the word that says what git is to do, two of them with a value.
        let mut what = words.next();
        while let Some(option) = what.filter(|word| word.starts_with('-')) {
            if matches!(option, "-C" | "-c") {
                words.next();
            }
            what = words.next();
        }
        if what.is_some_and(|what| !READING.contains(&what)) {
            return true;
        }
    }
    false
}

/// Whether one command does.
fn discards(command: &str) -> bool {
    let words: Vec<&str> = command
        .split(|sign: char| sign.is_whitespace() || ")}\"'!<>=@".contains(sign))
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().enumerate().any(|(index, word)| {
        let program = word.trim_start_matches(['\\', '$']).rsplit('/').next().unwrap_or_default();
        let before = || words.get(..index).unwrap_or_default();
        let mut behind = words.get(index + 1..).unwrap_or_default().iter();
        PROGRAMS.contains(&program)
            || OPTIONS.contains(word)
            || match program {
                "mv" => behind.any(|word| NOWHERE.iter().any(|place| word.starts_with(place))),
                "cp" | "cat" | "tee" => behind.any(|word| *word == "/dev/null"),
                "dd" => behind.any(|word| *word == "of"),
                "zip" => behind.any(|word| {
                    word.strip_prefix('-').is_some_and(|flags| !flags.starts_with('-') && flags.contains('m'))
                        || *word == "--move"
                }),
                _ => false,
            }
            || (OF_GIT.contains(word)
                && before().iter().any(|earlier| earlier.rsplit('/').next() == Some("git")))
    })
}

#[cfg(test)]
mod tests {
    use super::{changes_history, deletes};

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
            "node -e \"require('fs').unlinkSync('a')\"",
            "node -e 'fs.rmSync(\"a\")'",
            "ruby -e 'File.delete(\"a\")'",
            "mv a.txt /tmp/",
            "mv -f a b ~",
            "tar --remove-files -cf a.tar b",
            "printf 'all:\\n\\t@rm a\\n' > Makefile",
            "dd if=/dev/zero of=a count=0",
            "tee a </dev/null",
            "> a",
            "cd b && > a",
            ": > a",
            "truncate -s 0 a",
            "cp -f /dev/null a",
            "r=rm; $r a",
            "zip -m a.zip b",
            "git stash",
        ] {
            assert!(deletes(code), "{code}");
        }
    }

    #[test]
    fn what_changes_a_repository_is_found() {
        for code in [
            "git commit -m x",
            "cd a; /usr/bin/git -C b add .",
            "!git pull",
            "sh -c 'git merge x'",
            "git mv a b",
            "git -c a.b=c submodule update --init",
            "git log; git notes add",
            "subprocess.run(['git', 'lfs', 'pull'])",
            "gh pr checkout 1",
            "pre-commit run -a",
        ] {
            assert!(changes_history(code), "{code}");
        }
        for code in [
            "git status",
            "git log | head",
            "git --no-pager -C a diff; git -C commit show",
            "echo commit",
            "ls .git",
            "commit with git",
        ] {
            assert!(!changes_history(code), "{code}");
        }
    }

    #[test]
    fn other_words_do_not() {
        for code in [
            "",
            "ls -la",
            "mv a.txt b.txt",
            "echo x > a",
            "zip -r a.zip b",
            "cat a 2>&1",
            "ls > /dev/null",
            "echo form",
            "grep -r rmdirs .",
            "cat arm.txt",
            "npm run clean",
            "删除 文件",
        ] {
            assert!(!deletes(code), "{code}");
        }
    }
}
