//! Answers requests for files of a workspace, a moment of its history or a deployment, and says what they are.
//!
//! Two homes for what the agent made:
//!
//! * [`Previews`] answers the window's custom scheme, `<base><token>/path`. The token is 128 random bits and dies
//!   with its preview; every answer carries a policy whose only source is that token's path, so that a page can
//!   neither reach the network nor the files of another preview.
//! * [`DeploymentServer`] serves deployed sites on loopback, an origin each: `http://<deployment>.localhost:<port>/`.
//!
//! Links that begin with `/` mean the top of the site. A deployment has an origin of its own, so they work there
//! as they stand. A preview does not: there they are rewritten while the page is served, in the attributes and
//! styles of HTML and in CSS; `fetch` and `XMLHttpRequest` are taught the same by the injected script. A module
//! that imports `/x.js` by its text is not rewritten and is reported as blocked.
//!
//! Beside pages: [`describe`] says what a file is, [`Tables`] gives any rows of tables of any size,
//! [`list_archive`] lists archives without unpacking them, [`thumbnail`] draws small pictures. What was found out of
//! a content is kept by its hash on the [`Shelf`]. All of it is bounded in memory and time, whatever the bytes are,
//! and works on any [`Source`].

mod archive;
mod content;
mod contents;
mod error;
mod facts;
mod page;
mod previews;
mod refused;
mod rewrite;
mod room;
mod served;
mod server;
mod shelf;
mod site;
mod source;
mod table;
mod thumbnail;
mod wanted;

pub use archive::list_archive;
pub use contents::Contents;
pub use error::PreviewError;
pub use facts::{describe, describe_wanted};
pub use previews::{FindSheet, PreviewTarget, Previews};
pub use room::Place;
pub use served::{Drawing, Served, keep_drawing, kept_drawing, new_drawing};
pub use server::{DeploymentServer, FindDeployment};
pub use shelf::Shelf;
pub use source::{FindMoment, Material, Moment, Source};
pub use table::{TableProgress, Tables, TellTable, as_text};
pub use thumbnail::{
    NOT_DRAWN, keep_pages, keep_picture, keep_poster, keep_slides, kept_picture, of_slide, thumbnail,
};
pub use wanted::Wanted;
