//! HTML decks as editable presentations.
//!
//! A page whose elements of class `ppt-slide` are slides is laid out by a web engine behind [`Renderer`]; a script in
//! a world of its own measures what stands where; the measurements are written as native text, shapes, tables and
//! pictures. What no shape can show becomes a picture of that element alone, and the report says so.
//!
//! Measures: a CSS pixel is 1/96 inch, so a slide of 1024 × 576 pixels is 10.667 × 6 inches.

#[cfg(unix)]
mod chromium;
mod convert;
mod error;
mod files;
mod icons;
mod pptx;
mod renderer;
mod report;
mod scene;
mod script;

#[cfg(unix)]
pub use chromium::{Chromium, find_browser};
pub use convert::{Converted, convert, look_at_slides};
pub use error::SlidesError;
pub use files::{DeckFiles, HOST, ReadFile, icon_sheet, with_stand_ins};
pub use renderer::{Area, OpenPage, Renderer, Resource, Resources};
pub use report::in_short;
