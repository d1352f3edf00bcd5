//! What tools keep in the store: to-do lists and deployments.

use std::sync::Arc;

use okcvm_engine::{Clock, EventBus};
use okcvm_protocol::{AppError, AppEvent, Deployment, NodeId, SessionId, Todo};
use okcvm_store::Store;
use okcvm_toolbox::{Deployments, NewDeployment, TodoBook};

use crate::host::DeploymentAddress;

/// To-do lists by node.
pub(crate) struct StoredTodos {
    pub(crate) store: Arc<Store>,
    pub(crate) events: EventBus,
}

impl TodoBook for StoredTodos {
    fn read(&self, session: &SessionId, node: Option<&NodeId>) -> Result<Vec<Todo>, AppError> {
        Ok(self.store.todos(session, node)?)
    }

    fn write(&self, session: &SessionId, node: Option<&NodeId>, todos: &[Todo]) -> Result<(), AppError> {
        self.store.set_todos(session, node, todos)?;
        self.events.app(AppEvent::TodosChanged { session_id: session.clone(), todos: todos.to_vec() });
        Ok(())
    }
}

/// Deployments with their addresses.
pub(crate) struct StoredDeployments {
    pub(crate) store: Arc<Store>,
    pub(crate) events: EventBus,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) address: Arc<DeploymentAddress>,
}

impl Deployments for StoredDeployments {
    fn register(
        &self,
        session: &SessionId,
        node: Option<&NodeId>,
        site: &NewDeployment,
    ) -> Result<Deployment, AppError> {
        let deployment = Deployment {
            id: site.id.clone(),
            folder: site.folder.clone(),
            version: 0,
            title: site.title.clone(),
            node_id: node.cloned(),
            on_path: true,
            deployed_at: self.clock.now(),
            url: String::new(),
            files: site.files,
            size: site.size,
        };
        let deployment = self.address.fill(self.store.add_deployment(session, deployment)?);
        self.events.app(AppEvent::Deployed { session_id: session.clone(), deployment: deployment.clone() });
        Ok(deployment)
    }
}
