//! Pictures: their sizes from their heads, without decoding them.

use std::io::{BufReader, Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, ImageDecoder, ImageFormat, ImageReader, Limits};
use okcvm_protocol::ArtifactMeta;

use super::MOST_WHOLE;
use crate::refused::Refused;
use crate::source::{FileReader, Material};

/// Pixels of a picture that is decoded; four bytes each, eight at most.
pub(crate) const MOST_PIXELS: u64 = 100_000_000;
/// Bytes that decoding may take.
const MOST_MEMORY: u64 = 1 << 30;

/// Something to read a picture from.
pub(crate) trait PictureBytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> PictureBytes for T {}

/// A reader of a picture whose format its content tells.
pub(crate) fn reader(material: &Material) -> Result<ImageReader<BufReader<Box<dyn PictureBytes>>>, Refused> {
    let wrong = |error: std::io::Error| Refused::ForNow(format!("The picture cannot be read: {error}."));
    let bytes: Box<dyn PictureBytes> = match material.file_reader()? {
        Some(file) => Box::new(file),
        None => Box::new(Cursor::new(material.whole(MOST_WHOLE)?)),
    };
    let mut reader = ImageReader::new(BufReader::new(bytes)).with_guessed_format().map_err(wrong)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    if reader.format().is_none() {
        return Err(Refused::Lasting(
            "The picture is damaged, or of a format that is not decoded here.".to_owned(),
        ));
    }
    Ok(reader)
}

pub(super) fn picture(material: &Material) -> Result<ArtifactMeta, Refused> {
    // A decoder that breaks down costs this picture alone.
    catch_unwind(AssertUnwindSafe(|| {
        let first = reader(material)?;
        let format = first.format();
        let mut decoder = first.into_decoder().map_err(|error| damaged(&error))?;
        let (width, height) = decoder.dimensions();
        let turned = decoder.orientation().is_ok_and(is_turned);
        let (width, height) = if turned { (height, width) } else { (width, height) };
        drop(decoder);
        let animated = u64::from(width) * u64::from(height) <= MOST_PIXELS && moves(material, format);
        Ok(ArtifactMeta::Image { width, height, animated })
    }))
    .unwrap_or_else(|_| Err(Refused::ForNow("The picture is damaged.".to_owned())))
}

fn is_turned(orientation: Orientation) -> bool {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => true,
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
    }
}

/// How a picture is to be turned before it is shown.
pub(crate) fn orient(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

pub(crate) fn damaged(error: &image::ImageError) -> Refused {
    let source = if let image::ImageError::IoError(source) = error { Some(source) } else { None };
    let reason = match error {
        image::ImageError::Limits(_) => "The picture is too large to be decoded safely.".to_owned(),
        image::ImageError::Unsupported(_) => "The picture has a form that is not decoded here.".to_owned(),
        error => format!("The picture is damaged: {error}."),
    };
    Refused::decoder(reason, source)
}

/// What is said of a picture that is too large.
pub(crate) fn megapixels(width: u32, height: u32) -> String {
    let pixels = u64::from(width) * u64::from(height);
    format!(
        "The picture has {} megapixels ({width} × {height}), more than the {} that are decoded here.",
        pixels / 1_000_000,
        MOST_PIXELS / 1_000_000
    )
}

fn moves(material: &Material, format: Option<ImageFormat>) -> bool {
    let Ok(again) = reader(material) else { return false };
    let bytes = again.into_inner();
    match format {
        Some(ImageFormat::Gif) => {
            GifDecoder::new(bytes).is_ok_and(|decoder| decoder.into_frames().take(2).flatten().count() == 2)
        }
        Some(ImageFormat::Png) => {
            PngDecoder::new(bytes).is_ok_and(|decoder| decoder.is_apng().unwrap_or(false))
        }
        Some(ImageFormat::WebP) => WebPDecoder::new(bytes).is_ok_and(|decoder| decoder.has_animation()),
        _ => false,
    }
}

impl Seek for FileReader {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        let moved = match to {
            std::io::SeekFrom::Start(offset) => Some(offset),
            std::io::SeekFrom::Current(by) => self.offset.checked_add_signed(by),
            std::io::SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.offset = moved.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.offset)
    }
}

/// The size that an SVG says it has, in pixels: its `width` and `height`, otherwise its `viewBox`.
pub(crate) fn svg_size(start: &[u8]) -> Option<(u32, u32)> {
    let text = String::from_utf8_lossy(start);
    let (_, rest) = text.split_once("<svg")?;
    let (tag, _) = rest.split_once('>')?;
    let of = |name: &str| length(attribute(tag, name)?);
    let boxed = attribute(tag, "viewBox").and_then(|text| {
        let mut numbers =
            text.split([' ', ',']).filter(|part| !part.is_empty()).map(|part| part.parse::<f64>().ok());
        let (_, _) = (numbers.next()??, numbers.next()??);
        Some((numbers.next()??, numbers.next()??))
    });
    let (width, height) = match (of("width"), of("height"), boxed) {
        (Some(width), Some(height), _) => (width, height),
        (Some(width), None, Some((across, down))) if across > 0.0 => (width, width * down / across),
        (None, Some(height), Some((across, down))) if down > 0.0 => (height * across / down, height),
        (_, _, Some(size)) => size,
        _ => return None,
    };
    let whole = |size: f64| (1.0..=1e6).contains(&size).then_some(size.round() as u32);
    Some((whole(width)?, whole(height)?))
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some(place) = rest.find(name) {
        let is_whole = rest.get(..place).is_some_and(|before| before.ends_with(char::is_whitespace));
        rest = rest.get(place + name.len()..)?;
        let value = rest.trim_start();
        if let (true, Some(value)) = (is_whole, value.strip_prefix('=')) {
            let value = value.trim_start();
            let quote = value.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
            return value.get(1..)?.split(quote).next();
        }
    }
    None
}

/// A length in pixels; relative ones say nothing.
fn length(text: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|mark: char| !mark.is_ascii_digit() && mark != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let times = match unit {
        "" | "px" => 1.0,
        "pt" => 4.0 / 3.0,
        "pc" => 16.0,
        "in" => 96.0,
        "cm" => 96.0 / 2.54,
        "mm" => 9.6 / 2.54,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * times)
}
