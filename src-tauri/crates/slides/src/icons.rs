//! Icon fonts that are bundled: what a page asks the web for is answered with these, so that an icon never stays as
//! the word or the empty box that stands for it.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::renderer::Resource;

/// Font Awesome's icons, which pages name by class.
const AWESOME: &str = include_str!("../../../assets/fontawesome/all.min.css");
const AWESOME_FONTS: [(&str, &[u8]); 4] = [
    ("fa-solid-900", include_bytes!("../../../assets/fontawesome/fa-solid-900.woff2")),
    ("fa-regular-400", include_bytes!("../../../assets/fontawesome/fa-regular-400.woff2")),
    ("fa-brands-400", include_bytes!("../../../assets/fontawesome/fa-brands-400.woff2")),
    ("fa-v4compatibility", include_bytes!("../../../assets/fontawesome/fa-v4compatibility.woff2")),
];

/// Sheets with one font: how their addresses name them, the sheet, the font's name in it, the font.
const SHEETS: [(&str, &str, &str, &[u8]); 2] = [
    (
        "bootstrap-icons",
        include_str!("../../../assets/icons/bootstrap-icons.css"),
        "bootstrap-icons.woff2",
        include_bytes!("../../../assets/icons/bootstrap-icons.woff2"),
    ),
    (
        "remixicon",
        include_str!("../../../assets/icons/remixicon.css"),
        "remixicon.woff2",
        include_bytes!("../../../assets/icons/remixicon.woff2"),
    ),
];

const ICONS: &[u8] = include_bytes!("../../../assets/icons/material-icons.woff2");
const OUTLINED: &[u8] = include_bytes!("../../../assets/icons/material-symbols-outlined.woff2");
const ROUNDED: &[u8] = include_bytes!("../../../assets/icons/material-symbols-rounded.woff2");

/// Google's icon fonts, whose letters are the names of icons: the family, its class, and the font that draws it.
const MATERIAL: [(&str, &str, &[u8]); 8] = [
    ("Material Icons", "material-icons", ICONS),
    ("Material Icons Outlined", "material-icons-outlined", OUTLINED),
    ("Material Icons Round", "material-icons-round", ROUNDED),
    ("Material Icons Sharp", "material-icons-sharp", OUTLINED),
    ("Material Icons Two Tone", "material-icons-two-tone", OUTLINED),
    ("Material Symbols Outlined", "material-symbols-outlined", OUTLINED),
    ("Material Symbols Rounded", "material-symbols-rounded", ROUNDED),
    ("Material Symbols Sharp", "material-symbols-sharp", OUTLINED),
];

/// What is bundled in the place of a sheet or a font of icons. `address` is host and path in small letters.
pub(crate) fn stand_in(url: &Url, address: &str) -> Option<Resource> {
    let ending = std::path::Path::new(address).extension()?.to_str()?;
    if matches!(ending, "woff2" | "woff" | "ttf") {
        let bytes = font(address)?.to_vec();
        return Some(Resource { bytes, mime: "font/woff2".to_owned() });
    }
    if ending != "css" {
        return None;
    }
    if address.contains("font-awesome") || address.contains("fontawesome") {
        return Some(sheet(awesome()));
    }
    if let Some((_, text, name, font)) = SHEETS.iter().find(|(part, ..)| address.contains(part)) {
        return Some(sheet(text.replace(name, &data(font))));
    }
    // Sheets of packages hold one family each, or all of them.
    let is_material = ["material-icons", "material-design-icons", "material-symbols"]
        .iter()
        .any(|part| address.contains(part));
    is_material.then(|| {
        let words = url.path().to_ascii_lowercase();
        let symbols = words.contains("symbols");
        let style = ["outlined", "rounded", "round", "sharp", "two-tone"]
            .into_iter()
            .find(|style| words.contains(style));
        sheet(material(&|family: &str| {
            let family = family.to_ascii_lowercase();
            family.contains("symbols") == symbols
                && style.is_none_or(|style| family.replace(' ', "-").ends_with(style))
        }))
    })
}

/// The answer to a request for fonts by name, as `fonts.googleapis.com` takes them: those of icons are bundled.
pub(crate) fn families(url: &Url) -> String {
    let asked: Vec<String> = url
        .query_pairs()
        .filter(|(key, _)| key == "family")
        .flat_map(|(_, value)| value.split('|').map(str::to_owned).collect::<Vec<_>>())
        .map(|value| value.split(':').next().unwrap_or_default().to_owned())
        .collect();
    material(&|family: &str| asked.iter().any(|asked| asked.eq_ignore_ascii_case(family)))
}

/// The font behind an address of a font file, whichever of its formats that is.
fn font(address: &str) -> Option<&'static [u8]> {
    let name = address.rsplit('/').next()?;
    if let Some((_, bytes)) = AWESOME_FONTS.iter().find(|(known, _)| name.starts_with(known)) {
        return Some(bytes);
    }
    if let Some((.., bytes)) = SHEETS.iter().find(|(part, ..)| name.starts_with(part)) {
        return Some(bytes);
    }
    // `…/s/materialsymbolsoutlined/…` and `…/material-icons-outlined.woff2`.
    let plain: String = address.chars().filter(char::is_ascii_alphanumeric).collect();
    let known =
        MATERIAL.iter().filter(|(family, ..)| plain.contains(&family.to_ascii_lowercase().replace(' ', "")));
    known.max_by_key(|(family, ..)| family.len()).map(|(_, _, bytes)| *bytes)
}

fn sheet(text: String) -> Resource {
    Resource { bytes: text.into_bytes(), mime: "text/css; charset=utf-8".to_owned() }
}

fn data(font: &[u8]) -> String {
    format!("data:font/woff2;base64,{}", STANDARD.encode(font))
}

/// The style sheet of Font Awesome with its fonts inside.
fn awesome() -> String {
    let mut sheet = AWESOME.to_owned();
    for (name, bytes) in AWESOME_FONTS {
        sheet = sheet.replace(&format!("../webfonts/{name}.woff2"), &data(bytes));
    }
    // Pages name the family of the version that they were made for.
    for version in [5, 6] {
        for (kind, weight, font) in [("Free", 900, 0), ("Free", 400, 1), ("Brands", 400, 2)] {
            let source = data(AWESOME_FONTS[font].1);
            let _ = write!(
                sheet,
                "@font-face{{font-family:\"Font Awesome {version} {kind}\";font-weight:{weight};src:url({source})}}"
            );
        }
    }
    sheet
}

/// Faces and classes of the families of Google's icons that are wanted.
fn material(wanted: &dyn Fn(&str) -> bool) -> String {
    let mut sheet = String::new();
    for (family, class, font) in MATERIAL.iter().filter(|(family, ..)| wanted(family)) {
        let _ = write!(
            sheet,
            "@font-face{{font-family:\"{family}\";font-weight:100 900;font-display:block;src:url({})}}\
             .{class}{{font-family:\"{family}\";font-weight:normal;font-style:normal;font-size:24px;line-height:1;\
             letter-spacing:normal;text-transform:none;display:inline-block;white-space:nowrap;word-wrap:normal;\
             direction:ltr;font-feature-settings:\"liga\"}}",
            data(font)
        );
    }
    sheet
}

#[cfg(test)]
#[path = "icons_tests.rs"]
mod tests;
