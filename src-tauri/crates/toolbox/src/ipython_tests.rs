use super::*;

#[test]
fn asking_a_package_index_is_noticed() {
    for code in [
        "!pip install x",
        "  %pip install x",
        "!python -m pip download y",
        "import os; os.system('pip install z')",
    ] {
        assert!(installs(code), "{code}");
    }
    for code in ["pip = install", "!pip list", "# !pip install x", "installed = 'pip install'"] {
        assert!(!installs(code), "{code}");
    }
}
