//! Deployed versions of sites.

use okcvm_protocol::{Deployment, DeploymentId, NodeId, SessionId};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::Doing;
use crate::{Store, StoreError};

const COLUMNS: &str = "id, node_id, folder, version, title, deployed_at, files, size, session_id";

fn read(row: &Row<'_>) -> rusqlite::Result<(SessionId, Deployment)> {
    let deployment = Deployment {
        id: DeploymentId(row.get(0)?),
        node_id: row.get::<_, Option<String>>(1)?.map(NodeId),
        on_path: true,
        folder: row.get(2)?,
        version: row.get(3)?,
        title: row.get(4)?,
        deployed_at: row.get(5)?,
        files: row.get(6)?,
        size: row.get::<_, i64>(7)? as u64,
        url: String::new(),
    };
    Ok((SessionId(row.get(8)?), deployment))
}

impl Store {
    /// Stores a deployment as the next version of its folder. The address is not stored: it depends on the port.
    pub fn add_deployment(&self, session: &SessionId, mut new: Deployment) -> Result<Deployment, StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .doing("storing a deployment")?;
        new.version = transaction
            .query_row(
                "SELECT coalesce(max(version), 0) + 1 FROM deployments WHERE session_id = ?1 AND folder = ?2",
                [session.as_str(), &new.folder],
                |row| row.get(0),
            )
            .doing("numbering a deployment")?;
        transaction
            .execute(
                "INSERT INTO deployments (id, session_id, node_id, folder, version, title, deployed_at, files, size) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    new.id.as_str(),
                    session.as_str(),
                    new.node_id.as_ref().map(NodeId::as_str),
                    new.folder,
                    new.version,
                    new.title,
                    new.deployed_at,
                    new.files,
                    new.size as i64
                ],
            )
            .doing("storing a deployment")?;
        transaction.commit().doing("storing a deployment")?;
        Ok(new)
    }

    /// The deployments of a session, newest first.
    pub fn deployments(&self, session: &SessionId) -> Result<Vec<Deployment>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM deployments WHERE session_id = ?1 ORDER BY deployed_at DESC, id DESC"
            ))
            .doing("listing deployments")?;
        let rows: Vec<_> = statement
            .query_map([session.as_str()], read)
            .doing("listing deployments")?
            .collect::<Result<_, _>>()
            .doing("listing deployments")?;
        Ok(rows.into_iter().map(|(_, deployment)| deployment).collect())
    }

    /// One deployment and its session.
    pub fn deployment(&self, id: &DeploymentId) -> Result<(SessionId, Deployment), StoreError> {
        self.connection()
            .query_row(&format!("SELECT {COLUMNS} FROM deployments WHERE id = ?1"), [id.as_str()], read)
            .optional()
            .doing("reading a deployment")?
            .ok_or_else(|| StoreError::Missing { what: "deployment", id: id.to_string() })
    }
}
