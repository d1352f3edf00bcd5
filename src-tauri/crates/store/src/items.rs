//! Items of a turn.

use okcvm_protocol::{Item, ItemId, NodeId};
use rusqlite::{OptionalExtension, params};

use crate::error::Doing;
use crate::store::{from_text, to_text};
use crate::{Store, StoreError};

impl Store {
    /// Stores an item, new or changed.
    pub fn put_item(&self, item: &Item) -> Result<(), StoreError> {
        let body = to_text("items.body", &item.body)?;
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "INSERT INTO items (id, node_id, ordinal, step, started_at, ended_at, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, body = excluded.body",
            )
            .doing("storing an item")?;
        statement
            .execute(params![
                item.id.as_str(),
                item.node_id.as_str(),
                item.ordinal,
                item.step,
                item.started_at,
                item.ended_at,
                body
            ])
            .doing("storing an item")?;
        Ok(())
    }

    /// One item, if there is one of that id.
    pub fn item(&self, id: &ItemId) -> Result<Option<Item>, StoreError> {
        let node: Option<String> = self
            .connection()
            .query_row("SELECT node_id FROM items WHERE id = ?1", [id.as_str()], |row| row.get(0))
            .optional()
            .doing("looking for an item")?;
        let Some(node) = node else { return Ok(None) };
        Ok(self.items(&NodeId(node))?.into_iter().find(|item| item.id == *id))
    }

    /// The items of a node in their order.
    pub fn items(&self, node: &NodeId) -> Result<Vec<Item>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT id, ordinal, step, started_at, ended_at, body FROM items WHERE node_id = ?1 ORDER BY ordinal",
            )
            .doing("reading items")?;
        let rows: Vec<(Item, String)> = statement
            .query_map([node.as_str()], |row| {
                Ok((
                    Item {
                        id: ItemId(row.get(0)?),
                        node_id: node.clone(),
                        ordinal: row.get(1)?,
                        step: row.get(2)?,
                        started_at: row.get(3)?,
                        ended_at: row.get(4)?,
                        body: okcvm_protocol::ItemBody::Text { text: String::new() },
                    },
                    row.get(5)?,
                ))
            })
            .doing("reading items")?
            .collect::<Result<_, _>>()
            .doing("reading items")?;
        rows.into_iter()
            .map(|(mut item, body)| {
                item.body = from_text("items.body", &body)?;
                Ok(item)
            })
            .collect()
    }
}
