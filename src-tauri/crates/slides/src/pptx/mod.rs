//! Writes a measured deck as a presentation (Office Open XML, ECMA-376).

mod fixed;
mod paint;
mod table;
mod text;
mod xml;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::SlidesError;
use crate::scene::{Deck, Group, Item, Kind, Picture, Shape, Slide, Text};
use fixed::{HEAD, RELATIONS, ROOT_GROUP, SPACES};
use xml::{emu, share};

/// A picture that goes into the package.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    pub bytes: Vec<u8>,
    /// `png`, `jpeg`, `gif` or `svg`.
    pub kind: &'static str,
}

/// The pictures of a deck by the address under which items name them.
pub(crate) type Pictures = HashMap<String, Media>;

/// The whole package. `now` is an ISO 8601 time in UTC.
pub(crate) fn package(deck: &Deck, pictures: &Pictures, now: &str) -> Result<Vec<u8>, SlidesError> {
    let (width, height) = deck.slides.first().map_or((9_753_600, 5_486_400), |slide| {
        (emu(slide.width).clamp(914_400, 51_206_400), emu(slide.height).clamp(914_400, 51_206_400))
    });
    let mut package = Package::new(pictures);
    for (index, slide) in deck.slides.iter().enumerate() {
        package.slide(index + 1, slide, deck.slides.len())?;
    }
    package.finish(deck, (width, height), now)
}

struct Package<'a> {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    pictures: &'a Pictures,
    /// Names of the pictures that are in, by their source.
    media: HashMap<String, String>,
    notes: Vec<usize>,
    slides: usize,
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated)
}

impl<'a> Package<'a> {
    fn new(pictures: &'a Pictures) -> Self {
        Self {
            zip: ZipWriter::new(Cursor::new(Vec::new())),
            pictures,
            media: HashMap::new(),
            notes: Vec::new(),
            slides: 0,
        }
    }

    fn part(&mut self, name: &str, content: &str) -> Result<(), SlidesError> {
        self.zip.start_file(name, options())?;
        self.zip.write_all(content.as_bytes())?;
        Ok(())
    }

    /// Puts a picture in, once, and gives its name.
    fn picture(&mut self, source: &str) -> Result<Option<String>, SlidesError> {
        if let Some(name) = self.media.get(source) {
            return Ok(Some(name.clone()));
        }
        let Some(media) = self.pictures.get(source) else { return Ok(None) };
        let name = format!("image{}.{}", self.media.len() + 1, media.kind);
        // Pictures are compressed already.
        let stored = if media.kind == "svg" {
            zip::CompressionMethod::Deflated
        } else {
            zip::CompressionMethod::Stored
        };
        self.zip.start_file(
            format!("ppt/media/{name}"),
            SimpleFileOptions::default().compression_method(stored),
        )?;
        self.zip.write_all(&media.bytes)?;
        self.media.insert(source.to_owned(), name.clone());
        Ok(Some(name))
    }

    fn slide(&mut self, number: usize, slide: &Slide, slides: usize) -> Result<(), SlidesError> {
        let has_title = slide.items.iter().any(|item| matches!(&item.kind, Kind::Text(text) if text.title));
        let layout = if has_title { 1 } else { 2 };
        let mut relations = vec![(
            format!("{RELATIONS}/slideLayout"),
            format!("../slideLayouts/slideLayout{layout}.xml"),
            false,
        )];
        let mut shapes = String::new();
        let mut id = 2;
        for part in
            slide.items.chunk_by(|one, other| group_of(one).is_some_and(|id| group_of(other) == Some(id)))
        {
            let group = part[0].group.as_ref().filter(|_| part.len() > 1);
            let whole = id;
            id += usize::from(group.is_some());
            let mut members = String::new();
            for item in part {
                members.push_str(&self.item(id, item, slides, &mut relations)?);
                id += 1;
            }
            shapes.push_str(
                &group.map_or_else(|| members.clone(), |group| group_xml(whole, group, part, &members)),
            );
        }
        let background = match &slide.background {
            Some(paint) => format!("<p:bg><p:bgPr>{}<a:effectLst/></p:bgPr></p:bg>", paint::fill(paint)),
            None => String::new(),
        };
        let hidden = if slide.hidden { " show=\"0\"" } else { "" };
        let page = format!(
            "{HEAD}<p:sld {SPACES}{hidden}><p:cSld>{background}<p:spTree>{ROOT_GROUP}{shapes}</p:spTree></p:cSld><p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sld>"
        );
        if !slide.notes.trim().is_empty() {
            relations.push((
                format!("{RELATIONS}/notesSlide"),
                format!("../notesSlides/notesSlide{number}.xml"),
                false,
            ));
            self.part(&format!("ppt/notesSlides/notesSlide{number}.xml"), &fixed::notes(&slide.notes))?;
            self.part(
                &format!("ppt/notesSlides/_rels/notesSlide{number}.xml.rels"),
                &fixed::relations(&[
                    (
                        format!("{RELATIONS}/notesMaster"),
                        "../notesMasters/notesMaster1.xml".to_owned(),
                        false,
                    ),
                    (format!("{RELATIONS}/slide"), format!("../slides/slide{number}.xml"), false),
                ]),
            )?;
            self.notes.push(number);
        }
        self.part(&format!("ppt/slides/slide{number}.xml"), &page)?;
        self.part(&format!("ppt/slides/_rels/slide{number}.xml.rels"), &fixed::relations(&relations))?;
        self.slides = number;
        Ok(())
    }

    fn item(
        &mut self,
        id: usize,
        item: &Item,
        slides: usize,
        relations: &mut Vec<(String, String, bool)>,
    ) -> Result<String, SlidesError> {
        let mut markers = HashMap::new();
        if let Kind::Text(text) = &item.kind {
            for marker in text.paragraphs.iter().filter_map(|paragraph| paragraph.marker.as_ref()) {
                if let Some(source) = &marker.picture
                    && let Some(name) = self.picture(source)?
                {
                    markers.insert(source.as_str(), name);
                }
            }
        }
        let mut links = |address: &str| match markers.get(address) {
            Some(name) => Some(relate(relations, image_of(name))),
            None => link(address, slides, relations),
        };
        Ok(match &item.kind {
            // A table without a cell is none.
            Kind::Table(content) if content.columns.is_empty() || content.rows.is_empty() => String::new(),
            Kind::Shape(shape) => shape_xml(id, item, shape),
            Kind::Text(text) => text_xml(id, item, text, &mut links),
            Kind::Table(content) => {
                let name = name_of(item, "Table", id);
                format!(
                    "<p:graphicFrame><p:nvGraphicFramePr>{name}<p:cNvGraphicFramePr><a:graphicFrameLocks noGrp=\"1\"/></p:cNvGraphicFramePr><p:nvPr/></p:nvGraphicFramePr>{}<a:graphic><a:graphicData uri=\"http://schemas.openxmlformats.org/drawingml/2006/table\">{}</a:graphicData></a:graphic></p:graphicFrame>",
                    paint::place("p:xfrm", item),
                    table::table(content, &mut links)
                )
            }
            Kind::Picture(picture) => self.picture_xml(id, item, picture, relations)?,
        })
    }

    fn picture_xml(
        &mut self,
        id: usize,
        item: &Item,
        picture: &Picture,
        relations: &mut Vec<(String, String, bool)>,
    ) -> Result<String, SlidesError> {
        let Some(name) = picture.source.as_deref().map(|source| self.picture(source)).transpose()?.flatten()
        else {
            return Ok(String::new());
        };
        let image = relate(relations, image_of(&name));
        let vector = picture.vector.as_deref().or(picture.vector_source.as_deref());
        let vector = match vector.map(|source| self.picture(&format!("svg:{source}"))).transpose()?.flatten()
        {
            Some(name) => format!(
                "<a:extLst><a:ext uri=\"{{96DAC541-7B7A-43D3-8B79-37D633B846F1}}\"><asvg:svgBlip xmlns:asvg=\"http://schemas.microsoft.com/office/drawing/2016/SVG/main\" r:embed=\"{}\"/></a:ext></a:extLst>",
                relate(relations, image_of(&name))
            ),
            None => String::new(),
        };
        let faint = if picture.alpha < 0.999 {
            format!("<a:alphaModFix amt=\"{}\"/>", share(picture.alpha.clamp(0.0, 1.0)))
        } else {
            String::new()
        };
        let [left, top, right, bottom] = picture.crop.map(|edge| share(edge.clamp(0.0, 0.99)));
        let crop = if left + top + right + bottom > 0 {
            format!("<a:srcRect l=\"{left}\" t=\"{top}\" r=\"{right}\" b=\"{bottom}\"/>")
        } else {
            String::new()
        };
        Ok(format!(
            "<p:pic><p:nvPicPr>{}<p:cNvPicPr><a:picLocks noChangeAspect=\"1\"/></p:cNvPicPr><p:nvPr/></p:nvPicPr><p:blipFill><a:blip r:embed=\"{image}\">{faint}{vector}</a:blip>{crop}<a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr>{}{}{}</p:spPr></p:pic>",
            name_of(item, "Picture", id),
            paint::place("a:xfrm", item),
            paint::form(&picture.form, item.w, item.h),
            paint::effects(picture.shadow.as_ref(), None, item.w, item.h)
        ))
    }

    fn finish(mut self, deck: &Deck, (width, height): (i64, i64), now: &str) -> Result<Vec<u8>, SlidesError> {
        let (latin, east_asian) = main_fonts(deck);
        self.part("ppt/theme/theme1.xml", &fixed::theme(&latin, &east_asian))?;
        self.part("ppt/slideMasters/slideMaster1.xml", &fixed::master(width, height))?;
        self.part(
            "ppt/slideMasters/_rels/slideMaster1.xml.rels",
            &fixed::relations(&[
                (format!("{RELATIONS}/slideLayout"), "../slideLayouts/slideLayout1.xml".to_owned(), false),
                (format!("{RELATIONS}/slideLayout"), "../slideLayouts/slideLayout2.xml".to_owned(), false),
                (format!("{RELATIONS}/theme"), "../theme/theme1.xml".to_owned(), false),
            ]),
        )?;
        let to_master = fixed::relations(&[(
            format!("{RELATIONS}/slideMaster"),
            "../slideMasters/slideMaster1.xml".to_owned(),
            false,
        )]);
        self.part("ppt/slideLayouts/slideLayout1.xml", &fixed::title_layout(width, height))?;
        self.part("ppt/slideLayouts/_rels/slideLayout1.xml.rels", &to_master)?;
        self.part("ppt/slideLayouts/slideLayout2.xml", &fixed::blank_layout())?;
        self.part("ppt/slideLayouts/_rels/slideLayout2.xml.rels", &to_master)?;

        let mut relations = vec![
            (format!("{RELATIONS}/slideMaster"), "slideMasters/slideMaster1.xml".to_owned(), false),
            (format!("{RELATIONS}/theme"), "theme/theme1.xml".to_owned(), false),
            (format!("{RELATIONS}/presProps"), "presProps.xml".to_owned(), false),
            (format!("{RELATIONS}/viewProps"), "viewProps.xml".to_owned(), false),
            (format!("{RELATIONS}/tableStyles"), "tableStyles.xml".to_owned(), false),
        ];
        let mut notes_master = String::new();
        if !self.notes.is_empty() {
            self.part("ppt/theme/theme2.xml", &fixed::theme(&latin, &east_asian))?;
            self.part("ppt/notesMasters/notesMaster1.xml", &fixed::notes_master())?;
            self.part(
                "ppt/notesMasters/_rels/notesMaster1.xml.rels",
                &fixed::relations(&[(format!("{RELATIONS}/theme"), "../theme/theme2.xml".to_owned(), false)]),
            )?;
            relations.push((
                format!("{RELATIONS}/notesMaster"),
                "notesMasters/notesMaster1.xml".to_owned(),
                false,
            ));
            notes_master = format!(
                "<p:notesMasterIdLst><p:notesMasterId r:id=\"rId{}\"/></p:notesMasterIdLst>",
                relations.len()
            );
        }
        let mut list = String::new();
        for number in 1..=self.slides {
            relations.push((format!("{RELATIONS}/slide"), format!("slides/slide{number}.xml"), false));
            let _ = write!(list, "<p:sldId id=\"{}\" r:id=\"rId{}\"/>", 255 + number, relations.len());
        }
        self.part(
            "ppt/presentation.xml",
            &format!(
                "{HEAD}<p:presentation {SPACES} saveSubsetFonts=\"1\"><p:sldMasterIdLst><p:sldMasterId id=\"2147483648\" r:id=\"rId1\"/></p:sldMasterIdLst>{notes_master}<p:sldIdLst>{list}</p:sldIdLst><p:sldSz cx=\"{width}\" cy=\"{height}\"/><p:notesSz cx=\"6858000\" cy=\"9144000\"/></p:presentation>"
            ),
        )?;
        self.part("ppt/_rels/presentation.xml.rels", &fixed::relations(&relations))?;
        self.part("ppt/presProps.xml", &format!("{HEAD}<p:presentationPr {SPACES}/>"))?;
        self.part("ppt/viewProps.xml", &format!("{HEAD}<p:viewPr {SPACES}/>"))?;
        self.part(
            "ppt/tableStyles.xml",
            &format!("{HEAD}<a:tblStyleLst xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" def=\"{{5C22544A-7EE6-4342-B048-85BDC9FD1C3A}}\"/>"),
        )?;
        self.properties(deck, now)?;
        self.types()?;
        Ok(self.zip.finish()?.into_inner())
    }

    fn properties(&mut self, deck: &Deck, now: &str) -> Result<(), SlidesError> {
        let text = xml::text;
        let title = if deck.title.trim().is_empty() {
            deck.slides.first().map_or("", |slide| slide.title.as_str())
        } else {
            &deck.title
        };
        self.part(
            "docProps/core.xml",
            &format!(
                "{HEAD}<cp:coreProperties xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>{}</dc:title><dc:subject>{}</dc:subject><dc:creator>{}</dc:creator><cp:keywords>{}</cp:keywords><dcterms:created xsi:type=\"dcterms:W3CDTF\">{now}</dcterms:created><dcterms:modified xsi:type=\"dcterms:W3CDTF\">{now}</dcterms:modified></cp:coreProperties>",
                text(title),
                text(&deck.subject),
                text(&deck.author),
                text(&deck.keywords)
            ),
        )?;
        self.part(
            "docProps/app.xml",
            &format!(
                "{HEAD}<Properties xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\"><Application>OKCVM</Application><Slides>{}</Slides><Notes>{}</Notes></Properties>",
                self.slides,
                self.notes.len()
            ),
        )?;
        self.part(
            "_rels/.rels",
            &fixed::relations(&[
                (format!("{RELATIONS}/officeDocument"), "ppt/presentation.xml".to_owned(), false),
                (
                    "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
                        .to_owned(),
                    "docProps/core.xml".to_owned(),
                    false,
                ),
                (format!("{RELATIONS}/extended-properties"), "docProps/app.xml".to_owned(), false),
            ]),
        )
    }

    fn types(&mut self) -> Result<(), SlidesError> {
        const MAIN: &str = "application/vnd.openxmlformats-officedocument.presentationml";
        let mut out = format!(
            "{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Default Extension=\"png\" ContentType=\"image/png\"/><Default Extension=\"jpeg\" ContentType=\"image/jpeg\"/><Default Extension=\"gif\" ContentType=\"image/gif\"/><Default Extension=\"svg\" ContentType=\"image/svg+xml\"/>"
        );
        let mut part = |name: &str, kind: &str| {
            let _ = write!(out, "<Override PartName=\"/{name}\" ContentType=\"{kind}\"/>");
        };
        part("ppt/presentation.xml", &format!("{MAIN}.presentation.main+xml"));
        part("ppt/slideMasters/slideMaster1.xml", &format!("{MAIN}.slideMaster+xml"));
        part("ppt/slideLayouts/slideLayout1.xml", &format!("{MAIN}.slideLayout+xml"));
        part("ppt/slideLayouts/slideLayout2.xml", &format!("{MAIN}.slideLayout+xml"));
        part("ppt/presProps.xml", &format!("{MAIN}.presProps+xml"));
        part("ppt/viewProps.xml", &format!("{MAIN}.viewProps+xml"));
        part("ppt/tableStyles.xml", &format!("{MAIN}.tableStyles+xml"));
        part("ppt/theme/theme1.xml", "application/vnd.openxmlformats-officedocument.theme+xml");
        for number in 1..=self.slides {
            part(&format!("ppt/slides/slide{number}.xml"), &format!("{MAIN}.slide+xml"));
        }
        if !self.notes.is_empty() {
            part("ppt/theme/theme2.xml", "application/vnd.openxmlformats-officedocument.theme+xml");
            part("ppt/notesMasters/notesMaster1.xml", &format!("{MAIN}.notesMaster+xml"));
        }
        for number in &self.notes {
            part(&format!("ppt/notesSlides/notesSlide{number}.xml"), &format!("{MAIN}.notesSlide+xml"));
        }
        part("docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml");
        part("docProps/app.xml", "application/vnd.openxmlformats-officedocument.extended-properties+xml");
        out.push_str("</Types>");
        self.part("[Content_Types].xml", &out)
    }
}

/// The relation of a link: to a page of the web, or by `#n` or `#slide-n` to a slide.
fn link(address: &str, slides: usize, relations: &mut Vec<(String, String, bool)>) -> Option<String> {
    let (kind, target, outside) = if let Some(place) = address.strip_prefix('#') {
        let number: usize = place.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().ok()?;
        (1..=slides).contains(&number).then_some(())?;
        ("slide", format!("slide{number}.xml"), false)
    } else {
        let lower = address.to_ascii_lowercase();
        ["http://", "https://", "mailto:", "tel:"]
            .iter()
            .any(|scheme| lower.starts_with(scheme))
            .then_some(())?;
        // Links into the deck's own folder mean nothing elsewhere.
        (!lower.contains(crate::files::HOST)).then_some(())?;
        // A relation holds a proper address: spaces and the like are written as codes.
        ("hyperlink", url::Url::parse(address).ok()?.as_str().replace(' ', "%20"), true)
    };
    Some(relate(relations, (format!("{RELATIONS}/{kind}"), target, outside)))
}

fn image_of(name: &str) -> (String, String, bool) {
    (format!("{RELATIONS}/image"), format!("../media/{name}"), false)
}

/// The name of a relation, which is kept once.
fn relate(relations: &mut Vec<(String, String, bool)>, entry: (String, String, bool)) -> String {
    let place = relations.iter().position(|known| *known == entry).unwrap_or_else(|| {
        relations.push(entry);
        relations.len() - 1
    });
    format!("rId{}", place + 1)
}

fn name_of(item: &Item, kind: &str, id: usize) -> String {
    linked_name_of(item, kind, id, "")
}

/// The name of an item that is a link as a whole.
fn linked_name_of(item: &Item, kind: &str, id: usize, link: &str) -> String {
    said_name(kind, id, &item.name, &item.alt, link)
}

/// The properties that every object has: its number, its name, what it shows in words, and where a click leads.
fn said_name(kind: &str, id: usize, name: &str, alt: &str, link: &str) -> String {
    let name =
        if name.trim().is_empty() { format!("{kind} {}", id - 1) } else { name.chars().take(120).collect() };
    let alt = if alt.trim().is_empty() {
        String::new()
    } else {
        format!(" descr=\"{}\"", xml::text(&alt.chars().take(2000).collect::<String>()))
    };
    if link.is_empty() {
        format!("<p:cNvPr id=\"{id}\" name=\"{}\"{alt}/>", xml::text(&name))
    } else {
        format!("<p:cNvPr id=\"{id}\" name=\"{}\"{alt}>{link}</p:cNvPr>", xml::text(&name))
    }
}

fn group_of(item: &Item) -> Option<u32> {
    item.group.as_ref().map(|group| group.id)
}

/// A drawing as one object: its parts keep their places in the page.
fn group_xml(id: usize, group: &Group, parts: &[Item], members: &str) -> String {
    let edge = |of: fn(&Item) -> f64, pick: fn(f64, f64) -> f64| {
        parts.iter().map(of).reduce(pick).unwrap_or_default()
    };
    let (left, top) = (edge(|item| item.x, f64::min), edge(|item| item.y, f64::min));
    let (right, bottom) = (edge(|item| item.x + item.w, f64::max), edge(|item| item.y + item.h, f64::max));
    let (x, y) = (emu(left), emu(top));
    let (w, h) = (emu(right - left).max(1), emu(bottom - top).max(1));
    format!(
        "<p:grpSp><p:nvGrpSpPr>{}<p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr><a:xfrm><a:off x=\"{x}\" y=\"{y}\"/><a:ext cx=\"{w}\" cy=\"{h}\"/><a:chOff x=\"{x}\" y=\"{y}\"/><a:chExt cx=\"{w}\" cy=\"{h}\"/></a:xfrm></p:grpSpPr>{members}</p:grpSp>",
        said_name("Drawing", id, &group.name, &group.alt, "")
    )
}

fn shape_xml(id: usize, item: &Item, shape: &Shape) -> String {
    format!(
        "<p:sp><p:nvSpPr>{}<p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr>{}{}</p:spPr><p:txBody><a:bodyPr/><a:lstStyle/><a:p><a:endParaRPr/></a:p></p:txBody></p:sp>",
        name_of(item, "Shape", id),
        paint::place("a:xfrm", item),
        look_xml(item, shape)
    )
}

/// Form, fill, line and shadow.
fn look_xml(item: &Item, shape: &Shape) -> String {
    let fill = match &shape.fill {
        Some(paint) => paint::fill(paint),
        None => "<a:noFill/>".to_owned(),
    };
    let effects = paint::effects(shape.shadow.as_ref(), shape.inner.as_ref(), item.w, item.h);
    format!(
        "{}{fill}{}{effects}",
        paint::form(&shape.form, item.w, item.h),
        paint::line("ln", shape.line.as_ref())
    )
}

fn text_xml(id: usize, item: &Item, text: &Text, links: text::Links<'_>) -> String {
    let (kind, holder) = if text.title {
        ("Title", "<p:cNvSpPr><a:spLocks noGrp=\"1\"/></p:cNvSpPr><p:nvPr><p:ph type=\"title\"/></p:nvPr>")
    } else {
        ("Text", "<p:cNvSpPr txBox=\"1\"/><p:nvPr/>")
    };
    let look = match &text.shape {
        Some(shape) => look_xml(item, shape),
        None => "<a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom><a:noFill/>".to_owned(),
    };
    let holder = if text.shape.is_some() { "<p:cNvSpPr/><p:nvPr/>" } else { holder };
    let mut standing = item.clone();
    if text.title {
        standing = with_room(item, text);
    }
    // A quarter turn is a direction of the text, so that its box lies where the text does.
    let quarter = match item.rotation {
        turn if (turn - 90.0).abs() < 0.5 => Some("vert"),
        turn if (turn - 270.0).abs() < 0.5 => Some("vert270"),
        _ => None,
    };
    let quarter = quarter.filter(|_| text.vertical.is_none() && text.shape.is_none());
    if quarter.is_some() {
        standing.x += (standing.w - standing.h) / 2.0;
        standing.y += (standing.h - standing.w) / 2.0;
        std::mem::swap(&mut standing.w, &mut standing.h);
        standing.rotation = 0.0;
    }
    let item = &standing;
    // Programs underline a text that is a link. A button is a link as a whole.
    let button = match text::link_of_whole(text) {
        Some(address) => text::link("a:hlinkClick", address, &mut *links),
        None => None,
    };
    let body = match &button {
        Some(_) => text::body(text, quarter, &mut |_| None),
        None => text::body(text, quarter, links),
    };
    format!(
        "<p:sp><p:nvSpPr>{}{holder}</p:nvSpPr><p:spPr>{}{look}</p:spPr>{body}</p:sp>",
        linked_name_of(item, kind, id, button.as_deref().unwrap_or_default()),
        paint::place("a:xfrm", item)
    )
}

/// A title's box with the room that it has in the page, and at least room for its lines in other fonts, to the sides
/// where the text does not stand.
fn with_room(item: &Item, text: &Text) -> Item {
    let mut wide = item.clone();
    if text.vertical.is_some() {
        wide.h += item.h * 0.15 + 12.0;
        return wide;
    }
    let least = item.w * 0.15 + 12.0;
    let (left, right) = text
        .room
        .as_ref()
        .map_or((0.0, 0.0), |room| ((item.x - room.left).max(0.0), (room.right - item.x - item.w).max(0.0)));
    let (left, right) = match text.paragraphs.first().map(|paragraph| paragraph.align.as_str()) {
        Some("center") => (left.min(right).max(least / 2.0), left.min(right).max(least / 2.0)),
        Some("right") => (left.max(least), 0.0),
        _ => (0.0, right.max(least)),
    };
    wide.w += left + right;
    wide.x -= left;
    wide
}

/// The fonts that most letters of the deck have.
fn main_fonts(deck: &Deck) -> (String, String) {
    let mut latin: HashMap<&str, usize> = HashMap::new();
    let mut east_asian: HashMap<&str, usize> = HashMap::new();
    let texts = deck.slides.iter().flat_map(|slide| &slide.items).filter_map(|item| match &item.kind {
        Kind::Text(text) => Some(text),
        _ => None,
    });
    for run in texts.flat_map(|text| &text.paragraphs).flat_map(|paragraph| &paragraph.runs) {
        if !run.is_break {
            *latin.entry(&run.latin).or_default() += run.text.len();
            *east_asian.entry(&run.east_asian).or_default() += run.text.len();
        }
    }
    let most = |counts: &HashMap<&str, usize>| {
        counts
            .iter()
            .max_by_key(|(name, count)| (**count, **name))
            .map_or_else(String::new, |(name, _)| (*name).to_owned())
    };
    (most(&latin), most(&east_asian))
}
