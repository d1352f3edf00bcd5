//! SQLite: sessions, nodes, items, spans, deployments; migrations.
