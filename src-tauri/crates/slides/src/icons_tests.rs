use super::*;

fn found(address: &str) -> Option<(String, Vec<u8>)> {
    crate::files::stand_in(&Url::parse(address).unwrap()).map(|resource| (resource.mime, resource.bytes))
}

fn sheet_at(address: &str) -> String {
    let (mime, bytes) = found(address).unwrap_or_else(|| panic!("nothing stands at {address}"));
    assert_eq!(mime, "text/css; charset=utf-8", "{address}");
    String::from_utf8(bytes).unwrap()
}

/// Families that a sheet declares.
fn faces(sheet: &str) -> Vec<&str> {
    sheet
        .split("@font-face{")
        .skip(1)
        .map(|rest| rest.split("font-family:").nth(1).unwrap().split([';', '}']).next().unwrap())
        .map(|family| family.trim_matches(['"', '\'']))
        .collect()
}

#[test]
fn google_gives_the_icon_fonts_that_are_asked_for_and_no_others() {
    let base = "https://fonts.googleapis.com";
    for (asked, families) in [
        ("/icon?family=Material+Icons", vec!["Material Icons"]),
        ("/icon?family=Material+Icons|Material+Icons+Round", vec!["Material Icons", "Material Icons Round"]),
        (
            "/css2?family=Inter:wght@400;700&family=Material+Symbols+Outlined:opsz,wght,FILL,GRAD@20..48,100..700,0..1,-50..200&display=swap",
            vec!["Material Symbols Outlined"],
        ),
        ("/css2?family=Material%20Symbols%20Sharp", vec!["Material Symbols Sharp"]),
        ("/css?family=Roboto:300|Open+Sans", vec![]),
    ] {
        let sheet = sheet_at(&format!("{base}{asked}"));
        assert_eq!(faces(&sheet), families, "{asked}");
        assert_eq!(sheet.matches("data:font/woff2;base64,d09GMg").count(), families.len(), "{asked}");
    }
}

#[test]
fn sheets_of_packages_stand_in_whatever_serves_them() {
    for (address, family, icon) in [
        (
            "https://cdn.jsdelivr.net/npm/bootstrap-icons@1.11.3/font/bootstrap-icons.min.css",
            "bootstrap-icons",
            ".bi-house-fill",
        ),
        (
            "https://cdnjs.cloudflare.com/ajax/libs/bootstrap-icons/1.10.5/font/bootstrap-icons.css",
            "bootstrap-icons",
            ".bi-rocket",
        ),
        ("https://cdn.jsdelivr.net/npm/remixicon@4.2.0/fonts/remixicon.css", "remixicon", ".ri-home-line"),
        (
            "https://cdnjs.cloudflare.com/ajax/libs/remixicon/4.1.0/remixicon.min.css",
            "remixicon",
            ".ri-rocket-fill",
        ),
        (
            "https://unpkg.com/material-icons@1/iconfont/material-icons.css",
            "Material Icons",
            ".material-icons",
        ),
        (
            "https://cdn.jsdelivr.net/npm/material-symbols@latest/rounded.css",
            "Material Symbols Rounded",
            ".material-symbols-rounded",
        ),
    ] {
        let sheet = sheet_at(address);
        assert!(faces(&sheet).contains(&family), "{address}: {:?}", faces(&sheet));
        assert!(sheet.contains(icon), "{address} lacks {icon}");
        // Nothing is fetched besides.
        assert_eq!(
            sheet.matches("url(").count(),
            sheet.matches("data:font/woff2;base64,d09GMg").count(),
            "{address}"
        );
    }
    assert_eq!(
        faces(&sheet_at("https://cdn.jsdelivr.net/npm/material-symbols@0.1/outlined.css")),
        ["Material Symbols Outlined"]
    );
}

#[test]
fn font_files_that_a_page_names_itself_stand_in_too() {
    for (address, font) in [
        ("https://fonts.gstatic.com/s/materialicons/v140/flUhRq6tzZclQEJ-Vdg-IuiaDsNc.woff2", ICONS),
        ("https://fonts.gstatic.com/s/materialsymbolsrounded/v1/x.ttf", ROUNDED),
        ("https://unpkg.com/material-icons@1/iconfont/material-icons-outlined.woff2", OUTLINED),
        ("https://cdn.example.com/bootstrap-icons.woff?a=1", SHEETS[0].3),
        ("https://cdn.example.com/fonts/remixicon.woff2?t=1", SHEETS[1].3),
        ("https://use.example.com/webfonts/fa-solid-900.woff2", AWESOME_FONTS[0].1),
    ] {
        assert_eq!(found(address).map(|(_, bytes)| bytes.len()), Some(font.len()), "{address}");
    }
    for address in [
        "https://fonts.gstatic.com/s/inter/v13/x.woff2",
        "https://cdn.example.com/material-icons.js",
        "https://cdn.example.com/icons.css",
    ] {
        assert!(found(address).is_none(), "{address}");
    }
}
