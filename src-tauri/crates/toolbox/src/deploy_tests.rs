use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::testing::{Desk, text_of};

/// Enters deployments, or refuses to.
struct Entries {
    entered: Mutex<Vec<NewDeployment>>,
    refuses: bool,
}

impl Deployments for Entries {
    fn register(
        &self,
        _session: &SessionId,
        node: Option<&NodeId>,
        site: &NewDeployment,
    ) -> Result<Deployment, AppError> {
        if self.refuses {
            return Err(AppError::new("The store cannot be written."));
        }
        let mut entered = self.entered.lock().unwrap();
        entered.push(site.clone());
        Ok(Deployment {
            on_path: true,
            id: site.id.clone(),
            folder: site.folder.clone(),
            version: entered.len() as u32,
            title: site.title.clone(),
            node_id: node.cloned(),
            deployed_at: 1,
            url: format!("http://{}.localhost:4100/", site.id),
            files: site.files,
            size: site.size,
        })
    }
}

fn entries() -> Arc<Entries> {
    Arc::new(Entries { entered: Mutex::default(), refuses: false })
}

fn at(folder: &str) -> Value {
    json!({"type": "static", "local_dir": folder})
}

fn copies(desk: &Desk) -> Vec<String> {
    let Ok(entries) = fs::read_dir(desk.context.session_folder.join("deployments")) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_site_is_copied_and_entered() {
    let desk = Desk::new();
    desk.put(
        "output/shop/index.html",
        "<title>\n Shop &amp; more </title><link rel=stylesheet href=style/main.css>",
    );
    desk.put("output/shop/style/main.css", "body{}");
    let entries = entries();
    let tool = DeployTool::new(entries.clone());
    let result = desk.call(&tool, at("/mnt/okcomputer/output/shop/")).unwrap();

    let entered = entries.entered.lock().unwrap()[0].clone();
    let copy = desk.context.session_folder.join("deployments").join(entered.id.as_str());
    assert_eq!(fs::read(copy.join("style/main.css")).unwrap(), b"body{}");
    assert_eq!(
        entered,
        NewDeployment {
            id: entered.id.clone(),
            folder: "output/shop".to_owned(),
            title: "Shop & more".to_owned(),
            files: 2,
            size: 80
        }
    );
    let url = format!("http://{}.localhost:4100/", entered.id);
    assert_eq!(
        text_of(&result),
        format!(
            "Published /mnt/okcomputer/output/shop as version 1 of \"Shop & more\" (2 files, 80 bytes): {url}"
        )
    );
    assert_eq!(
        result.artifacts,
        [Artifact {
            kind: ArtifactKind::Site,
            title: "Shop & more".to_owned(),
            path: "output/shop".to_owned(),
            url: Some(url),
            deployment: Some(entered.id),
            size: Some(80),
            meta: None,
            hash: None,
            node_id: None,
        }]
    );
    assert_eq!(copies(&desk).len(), 1);
}

#[test]
fn a_later_change_leaves_the_copy_alone() {
    let desk = Desk::new();
    desk.put("site/index.html", "one");
    let entries = entries();
    let tool = DeployTool::new(entries.clone());
    desk.text(&tool, at("site"));
    desk.put("site/index.html", "two");
    desk.text(&tool, at("site"));
    let texts: Vec<Vec<u8>> = entries
        .entered
        .lock()
        .unwrap()
        .iter()
        .map(|site| {
            let folder = desk.context.session_folder.join("deployments").join(site.id.as_str());
            fs::read(folder.join("index.html")).unwrap()
        })
        .collect();
    assert_eq!(texts, [b"one", b"two"]);
    assert_eq!(entries.entered.lock().unwrap()[0].title, "site");
}

#[test]
fn a_folder_without_index_is_refused_with_what_is_there() {
    let desk = Desk::new();
    desk.put("project/package.json", "{}");
    desk.put("project/dist/index.html", "<p>");
    std::fs::create_dir(desk.path("empty")).unwrap();
    let tool = DeployTool::new(entries());
    assert_eq!(
        desk.error(&tool, at("project")),
        "/mnt/okcomputer/project has no index.html directly in it, so it cannot be published. In it are: dist/, package.json. \
         There is one in /mnt/okcomputer/project/dist: publish that folder, or move its content."
    );
    assert!(desk.error(&tool, at("empty")).contains("The folder is empty."));
    assert_eq!(
        desk.error(&tool, at("project/dist/index.html")),
        "/mnt/okcomputer/project/dist/index.html is a file, not a folder. Give its folder: /mnt/okcomputer/project/dist."
    );
    assert!(desk.error(&tool, at("projekt")).contains("does not exist. The nearest that exist are:"));
    desk.error(&tool, at("../session"));
    assert_eq!(copies(&desk), Vec::<String>::new());
}

#[test]
fn nothing_stays_of_a_copy_that_is_not_entered() {
    let desk = Desk::new();
    desk.put("site/index.html", "one");
    let tool = DeployTool::new(Arc::new(Entries { entered: Mutex::default(), refuses: true }));
    let error = desk.call(&tool, at("site")).unwrap_err();
    assert_eq!(error, ToolError::Fatal(AppError::new("The store cannot be written.")));
    assert_eq!(copies(&desk), Vec::<String>::new());
}

#[test]
fn a_link_out_of_the_workspace_is_left_out_and_named() {
    let desk = Desk::new();
    desk.put("site/index.html", "one");
    std::fs::write(desk.folder.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(desk.folder.path().join("secret"), desk.path("site/secret.txt")).unwrap();
    let entries = entries();
    let text = desk.text(&DeployTool::new(entries.clone()), at("site"));
    assert!(text.contains("Left out:\n- site/secret.txt: "), "{text}");
    let id = entries.entered.lock().unwrap()[0].id.clone();
    assert!(!desk.context.session_folder.join("deployments").join(id.as_str()).join("secret.txt").exists());
}

#[test]
fn an_index_that_leads_out_is_none() {
    let desk = Desk::new();
    std::fs::write(desk.folder.path().join("secret"), "secret").unwrap();
    std::fs::create_dir(desk.path("site")).unwrap();
    std::os::unix::fs::symlink(desk.folder.path().join("secret"), desk.path("site/index.html")).unwrap();
    assert!(desk.error(&DeployTool::new(entries()), at("site")).contains("has no index.html directly in it"));
    assert_eq!(copies(&desk), Vec::<String>::new());
}

#[test]
fn references_that_leave_are_reported() {
    let desk = Desk::new();
    desk.put(
        "site/index.html",
        "<script src=\"https://cdn.example/x.js\"></script><img src='../photo.png'><img src=none.png>",
    );
    let text = desk.text(&DeployTool::new(entries()), at("site"));
    assert!(text.contains("- index.html: ../photo.png\n- index.html: https://cdn.example/x.js\n"), "{text}");
    assert!(text.ends_with("name files that are not in the folder:\n- index.html: none.png"), "{text}");
}

#[test]
fn titles() {
    assert_eq!(title(b"<TITLE lang=en>A\n  b</TITLE>").as_deref(), Some("A b"));
    assert_eq!(title("<title>页面</title>".as_bytes()).as_deref(), Some("页面"));
    assert_eq!(title(b"<title> </title>"), None);
    assert_eq!(title(b"<title>open"), None);
    assert_eq!(title(b"\xff\xfe"), None);
}
