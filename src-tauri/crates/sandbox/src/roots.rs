//! What a command may read besides its workspace: system folders by an allow-list, nothing of the home folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The usual search path.
const SEARCH_PATH: &str = if cfg!(target_os = "macos") {
    "/opt/homebrew/bin:/opt/homebrew/sbin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
} else {
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
};

/// Programs and their data. `/opt` and those of the user's search path are added unless they hold the home folder.
const SYSTEM: &[&str] = if cfg!(target_os = "macos") {
    // Of the system's library without its keychains and preferences.
    &[
        "/usr",
        "/bin",
        "/sbin",
        "/System",
        "/Applications/Xcode.app/Contents/Developer",
        "/Library/Apple",
        "/Library/ColorSync",
        "/Library/Developer",
        "/Library/Fonts",
        "/Library/Frameworks",
        "/Library/Java",
        "/Library/TeX",
        "/nix/store",
        "/private/etc/ssl",
        "/private/var/db/dyld",
        "/private/var/db/timezone",
        "/private/var/db/xcode_select_link",
        "/private/var/select",
    ]
} else {
    &[
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/nix/store",
        "/run/current-system",
        "/sys/devices/system/cpu",
        "/var/cache/fontconfig",
        "/var/lib/ghostscript",
        "/var/lib/texmf",
    ]
};

/// What programs need of `/etc`. Left out: passwords, keys, machine identity, files in which package tools keep
/// addresses with credentials, and what only a terminal, a screen or the making of caches needs; each costs every command
/// some ten microseconds.
const ETC: &[&str] = &[
    "ImageMagick-6",
    "ImageMagick-7",
    "OpenCL",
    "R",
    "alternatives",
    "crypto-policies",
    "debian_version",
    "fonts",
    "group",
    "hosts",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "java-25-openjdk",
    "ld.so.cache",
    "libreoffice",
    "locale.conf",
    "localtime",
    "lsb-release",
    "mailcap",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "paperspecs",
    "papersize",
    "passwd",
    "perl",
    "php",
    "pki/ca-trust",
    "pki/tls/certs",
    "protocols",
    "python3",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "static",
    "texmf",
    "timezone",
];

/// Programs that the agent is told it has; where they live only outside of the system folders, their folder is opened.
const INTERPRETERS: &[&str] = &["python3", "node"];

/// What may be read, and the search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roots {
    pub readable: Vec<PathBuf>,
    pub search_path: String,
}

impl Roots {
    /// What may be read by a command in a workspace while there are others, all of them real paths. A folder of programs
    /// that holds one of them, or lies in one of another session, is left out; the system's own folders are needed in any
    /// case, and no workspace is opened below them.
    pub(crate) fn readable_from(&self, workspace: &Path, others: &[PathBuf]) -> Vec<PathBuf> {
        let is_system =
            |root: &Path| SYSTEM.iter().any(|system| root == Path::new(system)) || root.starts_with("/etc");
        let is_open = |root: &Path| {
            let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
            let touches = |other: &PathBuf| other.starts_with(&real) || real.starts_with(other);
            !workspace.starts_with(&real) && !others.iter().any(|other| other != workspace && touches(other))
        };
        self.readable.iter().filter(|root| is_system(root) || is_open(root)).cloned().collect()
    }
}

impl Roots {
    /// Without the folders in which that one lies, or which lie in it. The error is the folder that holds it and that
    /// every command needs.
    pub(crate) fn without(mut self, private: &Path) -> Result<Self, PathBuf> {
        let needed = |root: &&PathBuf| SYSTEM.iter().any(|system| *root == Path::new(system));
        if let Some(root) = self.readable.iter().filter(needed).find(|root| touches(root, private)) {
            return Err(root.clone());
        }
        self.readable.retain(|root| !touches(root, private));
        Ok(self)
    }
}

/// Decides it from the user's search path and home folder.
pub(crate) fn roots(user_path: Option<&OsStr>, home: Option<&Path>) -> Roots {
    let mut readable: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    readable.extend(ETC.iter().map(|name| Path::new("/etc").join(name)));
    let opt = PathBuf::from("/opt");
    if home.is_none_or(|home| !touches(&opt, home)) {
        readable.push(opt);
    }
    let mut search_path = SEARCH_PATH.to_owned();
    for folder in user_path.map(|path| std::env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default() {
        let Some((root, folder)) = interpreter_root(&folder, home) else { continue };
        let Some(folder) = folder.to_str().filter(|text| !text.contains(':')) else { continue };
        if !search_path.split(':').any(|known| known == folder) {
            search_path.push(':');
            search_path.push_str(folder);
        }
        if !readable.iter().any(|known| root.starts_with(known)) {
            readable.push(root);
        }
    }
    Roots { readable, search_path }
}

/// The folder to open for a `bin` folder that holds an interpreter, with the real path of that `bin` folder.
fn interpreter_root(folder: &Path, home: Option<&Path>) -> Option<(PathBuf, PathBuf)> {
    if !folder.is_absolute() || !INTERPRETERS.iter().any(|name| folder.join(name).is_file()) {
        return None;
    }
    let folder = folder.canonicalize().ok()?;
    if folder.file_name() != Some(OsStr::new("bin")) {
        return None;
    }
    let root = folder.parent()?.to_owned();
    // A root such as `/` or `/srv` would open far more than an interpreter.
    if root.components().count() < 3 && !root.starts_with("/usr") {
        return None;
    }
    let private = ["/etc", "/home", "/root", "/tmp", "/var", "/run", "/proc", "/sys", "/dev"];
    if private.iter().any(|path| root == Path::new(path)) || home.is_some_and(|home| touches(&root, home)) {
        return None;
    }
    Some((root, folder))
}

/// Whether one of two folders holds the other, by their names and by where these really lead.
fn touches(root: &Path, private: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (real_root, real_private) = (real(root), real(private));
    [root, &real_root].iter().any(|root| {
        [private, &real_private].iter().any(|private| root.starts_with(private) || private.starts_with(root))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_home_folder_is_readable() {
        let home = tempfile::tempdir().expect("folder");
        let bin = home.path().join("tools/python/bin");
        std::fs::create_dir_all(&bin).expect("folders");
        std::fs::write(bin.join("python3"), "").expect("file");
        let found = roots(Some(bin.as_os_str()), Some(home.path()));
        assert_eq!(found.search_path, SEARCH_PATH);
        assert_eq!(found.readable.iter().filter(|path| path.starts_with(home.path())).count(), 0);

        let elsewhere = roots(Some(bin.as_os_str()), Some(Path::new("/home/nobody-here")));
        let bin = bin.canonicalize().expect("real path");
        assert_eq!(elsewhere.search_path, format!("{SEARCH_PATH}:{}", bin.display()));
        assert!(elsewhere.readable.contains(&bin.parent().expect("parent").to_owned()));
    }

    #[test]
    fn opt_is_closed_when_the_home_folder_lies_in_it() {
        let open = roots(None, Some(Path::new("/home/someone")));
        let closed = roots(None, Some(Path::new("/opt/service")));
        assert!(open.readable.contains(&PathBuf::from("/opt")));
        assert!(!closed.readable.contains(&PathBuf::from("/opt")));
    }

    #[test]
    fn a_folder_of_programs_with_a_workspace_in_it_is_closed() {
        let roots = roots(None, None);
        let from = |workspace: &str, others: &[&str]| {
            let others: Vec<PathBuf> = others.iter().map(PathBuf::from).collect();
            roots.readable_from(Path::new(workspace), &others)
        };
        assert_eq!(from("/home/someone/one", &["/home/someone/two"]), roots.readable);
        let inside = "/opt/okcvm/sessions/1/workspace";
        for some in [from(inside, &[]), from("/home/someone/one", &["/home/someone/one", inside])] {
            assert_eq!(some.len(), roots.readable.len() - 1);
            assert!(!some.contains(&PathBuf::from("/opt")));
        }
        assert!(from("/usr/share/workspace", &["/usr/share/two"]).contains(&PathBuf::from("/usr")));
    }

    #[test]
    fn what_holds_a_private_folder_is_closed() {
        let roots = roots(None, None);
        let all = roots.readable.len();
        let closed = |private: &str| roots.clone().without(Path::new(private)).map(|roots| roots.readable);
        assert_eq!(closed("/home/someone/data").map(|rest| rest.len()), Ok(all));
        let rest = closed("/opt/okcvm/data").expect("nothing that is needed");
        assert!(rest.len() == all - 1 && !rest.contains(&PathBuf::from("/opt")));
        assert_eq!(closed("/usr/share/okcvm"), Err(PathBuf::from("/usr")));

        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir_all(folder.path().join("real/data")).expect("folders");
        std::os::unix::fs::symlink("real", folder.path().join("link")).expect("link");
        let linked = Roots { readable: vec![folder.path().join("link")], search_path: String::new() };
        assert_eq!(linked.without(&folder.path().join("real/data")).map(|roots| roots.readable), Ok(vec![]));
    }

    #[test]
    fn a_folder_that_is_too_wide_is_not_opened() {
        for folder in ["relative/bin", "/", "/nowhere/bin", ""] {
            assert_eq!(roots(Some(OsStr::new(folder)), None).search_path, SEARCH_PATH);
        }
    }
}
