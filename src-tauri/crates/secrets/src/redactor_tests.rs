use std::time::Instant;

use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::*;

const SECRET: &str = "p@ss w/ö\"rd+7?x";

fn knowing(secret: &str) -> Redactor {
    let redactor = Redactor::new();
    redactor.learn(secret);
    redactor
}

#[test]
fn a_learnt_secret_goes_in_every_dress() {
    let redactor = knowing(SECRET);
    let form_encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let query = {
        let mut url = url::Url::parse("http://localhost/").unwrap();
        url.query_pairs_mut().append_pair("key", SECRET);
        url.to_string()
    };
    let hexadecimal: String =
        SECRET.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).map(char::from).collect();
    let dresses = [
        SECRET.to_owned(),
        form_encoded,
        query,
        utf8_percent_encode(SECRET, NON_ALPHANUMERIC).to_string(),
        serde_json::json!({ "key": SECRET }).to_string(),
        hexadecimal.to_uppercase(),
        hexadecimal,
    ];
    let left: Vec<_> = dresses.iter().map(|dress| redactor.redact(dress).into_owned()).collect();
    assert_eq!(
        left,
        [
            "[redacted]",
            "[redacted]",
            "http://localhost/?key=[redacted]",
            "[redacted]",
            r#"{"key":"[redacted]"}"#,
            "[redacted]",
            "[redacted]",
        ]
    );
}

#[test]
fn base64_is_seen_through_wherever_the_secret_stands() {
    let redactor = knowing(SECRET);
    for before in ["", "a", "ab", "abc", "user:", "a longer beginning"] {
        for after in ["", "z", "zz", "zzz"] {
            let text = format!("{before}{SECRET}{after}");
            for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                let left = redactor.redact(&encoded);
                assert!(left.contains(REDACTED), "{encoded} -> {left}");
                // What may stay of the ends decides at most a part of one byte of the secret.
                let rest = left.replace(REDACTED, "").len();
                assert!(rest <= (before.len() + after.len()) * 4 / 3 + 6, "{encoded} -> {left}");
            }
        }
    }
}

#[test]
fn a_longer_secret_wins_over_its_beginning() {
    let redactor = knowing("secret-1");
    redactor.learn("secret-1-and-more");
    assert_eq!(redactor.redact("<secret-1-and-more> <secret-1>"), "<[redacted]> <[redacted]>");
}

#[test]
fn short_words_are_not_learnt_and_clean_text_is_not_copied() {
    let redactor = knowing(" true ");
    let text = "this is true, and stays";
    assert!(matches!(redactor.redact(text), Cow::Borrowed(same) if same == text));
    redactor.learn("  truest  ");
    assert_eq!(redactor.redact("truest"), "[redacted]");
}

#[test]
fn a_clone_knows_what_the_other_learns() {
    let redactor = Redactor::new();
    let clone = redactor.clone();
    redactor.learn("learnt later");
    assert_eq!(clone.redact("it was learnt later."), "it was [redacted].");
}

#[test]
fn tokens_are_known_by_their_shape() {
    // Put together at run time, so that no scanner of repositories takes them for real ones.
    let letters = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
    let key_block = format!("-----BEGIN {0}-----\nMIIE\nvQ==\n-----END {0}-----", "RSA PRIVATE KEY");
    let tokens = [
        format!("sk-{letters}"),
        format!("sk-proj-{letters}_x-y"),
        format!("sk-ant-api03-{letters}"),
        format!("ghp_{letters}"),
        format!("github_pat_{letters}"),
        format!("glpat-{letters}"),
        format!("AKIA{}", "ABCDEFGH23456789"),
        format!("xoxb-{}-{letters}", 12345),
        format!("AIza{}", &letters[..35]),
        format!("hf_{letters}"),
        format!("eyJ{0}.eyJ{0}.{0}", &letters[..20]),
        key_block,
    ];
    let redactor = Redactor::new();
    for token in &tokens {
        let text = format!("key={token}, then \"{token}\"");
        assert_eq!(redactor.redact(&text), "key=[redacted], then \"[redacted]\"", "{token}");
    }
    assert_eq!(
        redactor.redact(&format!("Authorization: Bearer {letters}==\n")),
        "Authorization: Bearer [redacted]\n"
    );
    let half = format!("before -----BEGIN {}-----\nMIIE", "PRIVATE KEY");
    assert_eq!(redactor.redact(&half), "before [redacted]");
}

#[test]
fn words_that_look_alike_stay() {
    let text = "risk-a1b2c3d4e5f6a7b8c9d0e1 sk-fading-circle-container sk-folding-cube2 Bearer authentication \
                AKIA is a prefix, ghp_ too, eyJ.eyJ.x task-0123456789abcdef0123 xoxo-love-and-kisses";
    assert_eq!(Redactor::new().redact(text), text);
}

#[test]
fn overlapping_hits_make_one_gap() {
    let letters = "a1B2c3D4e5F6g7H8i9J0";
    let redactor = knowing(&letters[10..]);
    redactor.learn(&format!("{letters}-tail"));
    assert_eq!(redactor.redact(&format!("x sk-{letters}-tail y")), "x [redacted] y");
}

#[test]
fn a_large_output_costs_little() {
    let redactor = knowing("canary-4711-canary");
    let line =
        "drwxr-xr-x 2 user user 4096 skeleton githubs example-bearer AKI xo page-1 <div class=\"sk\">\n";
    let text = line.repeat(8 << 20 >> 6);
    let begun = Instant::now();
    assert!(matches!(redactor.redact(&text), Cow::Borrowed(_)));
    let took = begun.elapsed();
    // Bounds a slide into trying every position, not the speed of the machine: tests are not optimised.
    assert!(took.as_secs_f64() < 8.0, "{} MiB took {took:?}", text.len() >> 20);
}
