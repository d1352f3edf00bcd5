//! As whom the app runs.

use std::path::Path;
use std::process::Command;

/// The search path of everything that is run, without folders of one user.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
/// A user that nobody is.
const SOMEBODY: u32 = 61_234;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// As the test itself runs.
    Self_,
    /// As an ordinary user, which only root can become.
    Ordinary,
}

impl Who {
    /// All that can be had here.
    pub fn all() -> Vec<Self> {
        if rustix::process::geteuid().is_root() {
            return vec![Self::Self_, Self::Ordinary];
        }
        eprintln!("not run as root: this test does not run as root");
        vec![Self::Self_]
    }

    pub fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = match self {
            Self::Self_ => Command::new(program),
            Self::Ordinary => {
                let mut command = Command::new("setpriv");
                command
                    .args([
                        format!("--reuid={SOMEBODY}"),
                        format!("--regid={SOMEBODY}"),
                        "--clear-groups".into(),
                    ])
                    .arg(program);
                command
            }
        };
        command.env("PATH", PATH);
        command
    }

    /// Makes it the owner of a file or of a whole folder.
    pub fn give(self, path: &Path) {
        if self == Self::Ordinary {
            let owner = format!("{SOMEBODY}:{SOMEBODY}");
            let given = Command::new("chown").args(["-R", "-h", &owner]).arg(path).status().expect("chown");
            assert!(given.success());
        }
    }
}
