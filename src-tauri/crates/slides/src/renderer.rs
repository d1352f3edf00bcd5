//! What a conversion needs of a web engine, whichever it is.

use std::sync::Arc;

use serde_json::Value;

use crate::SlidesError;

/// A file of a page.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its content.
    pub bytes: Vec<u8>,
    /// For example `text/css`.
    pub mime: String,
}

/// Where the files of a page come from. There is no other source: an engine that is asked for anything else refuses.
pub trait Resources: Send + Sync {
    /// The file at an address, if the page may have it. Blocks while it reads.
    fn find(&self, address: &str) -> Option<Resource>;
}

/// A part of a page in CSS pixels from its top left corner.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
pub struct Area {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

/// A web engine.
#[async_trait::async_trait]
pub trait Renderer: Send + Sync {
    /// Loads a page and waits until it is there. Nothing but `resources` is loaded.
    async fn open(
        &self,
        address: &str,
        resources: Arc<dyn Resources>,
    ) -> Result<Box<dyn OpenPage>, SlidesError>;

    /// Its name and version, for reports.
    fn name(&self) -> String;
}

/// A page that an engine shows. Dropping it closes it.
#[async_trait::async_trait]
pub trait OpenPage: Send {
    /// Runs a script in a world apart from the page's own scripts and gives its value; a promise is awaited.
    async fn run(&mut self, script: &str) -> Result<Value, SlidesError>;

    /// The same for a script that waits for the page and does little itself: a page that answers nothing else meanwhile
    /// runs without end, and is given up soon.
    async fn settle(&mut self, script: &str) -> Result<Value, SlidesError> {
        self.run(script).await
    }

    /// A PNG of a part of the page, `scale` device pixels a CSS pixel. What the page leaves open is transparent.
    async fn picture(&mut self, area: Area, scale: f64) -> Result<Vec<u8>, SlidesError>;
}
