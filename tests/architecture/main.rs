//! The rules of the layout that a compiler does not check.
#[test]
fn placeholder_until_rules_follow() {}
