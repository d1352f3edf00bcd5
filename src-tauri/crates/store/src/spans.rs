//! Timed model requests and tool calls.

use okcvm_protocol::{NodeId, Span, Usage};
use rusqlite::params;

use crate::error::Doing;
use crate::store::{from_text, to_text};
use crate::{Store, StoreError};

impl Store {
    /// Stores a span, new or ended.
    pub fn put_span(&self, span: &Span) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "INSERT INTO spans (id, node_id, started_at, body) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                params![
                    span.id.as_str(),
                    span.node_id.as_str(),
                    span.started_at,
                    to_text("spans.body", span)?
                ],
            )
            .doing("storing a span")?;
        Ok(())
    }

    /// The spans of a node, oldest first.
    pub fn spans(&self, node: &NodeId) -> Result<Vec<Span>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT body FROM spans WHERE node_id = ?1 ORDER BY started_at, id")
            .doing("reading spans")?;
        let rows: Vec<String> = statement
            .query_map([node.as_str()], |row| row.get(0))
            .doing("reading spans")?
            .collect::<Result<_, _>>()
            .doing("reading spans")?;
        rows.iter().map(|body| from_text("spans.body", body)).collect()
    }

    /// The sum over the model requests of a node.
    pub fn node_usage(&self, node: &NodeId) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        for span in self.spans(node)? {
            usage.add(&span.usage);
        }
        Ok(usage)
    }
}
