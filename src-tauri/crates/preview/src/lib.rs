//! Answers requests for workspace and deployment files with bytes, type and headers.
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

mod content;
mod error;
mod page;
mod previews;
mod rewrite;
mod server;
mod site;

pub use error::PreviewError;
pub use previews::{PreviewTarget, Previews};
pub use server::{DeploymentServer, FindDeployment};
