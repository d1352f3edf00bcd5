//! The host: every part of the engine, put together once.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use okcvm_engine::{
    Clock, Engine, EngineOptions, EngineParts, EventBus, PromptFacts, SessionDefaults, SystemClock, Watching,
};
use okcvm_manifest::{Manifest, PromptFile, PromptValues};
use okcvm_preview::{Contents, DeploymentServer, Previews, Shelf, Tables};
use okcvm_protocol::{
    AppError, AppEvent, Artifact, Deployment, DeploymentId, ENVIRONMENT_PROFILE, LeftBehind, SandboxStatus,
    SecretBackend, Settings,
};
use okcvm_python::Kernels;
use okcvm_sandbox::{Processes, Sandbox};
use okcvm_secrets::{Redactor, Vault, VaultOptions};
use okcvm_store::{Store, StoreError};
use okcvm_toolbox::{Engines, InstalledBrowser, ToolboxParts};
use okcvm_tools::Registry;

use crate::exports::Exports;
use crate::imports::Imports;
use crate::models::ProfileModels;
use crate::network::StoredNetwork;
use crate::records::{StoredDeployments, StoredTodos};
use crate::{DataFolder, Environment, SettingsFile};

/// The name under which the keychain keeps our entries.
const KEYCHAIN_SERVICE: &str = "okcvm";

/// Whether this program serves deployed sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// While it runs.
    Yes,
    /// Another program does, or nobody.
    No,
}

/// What a program chooses.
#[derive(Clone)]
pub struct HostOptions {
    /// What the process was told from outside.
    pub environment: Environment,
    /// The executable that the sandbox runs again: normally this program.
    pub helper: PathBuf,
    /// Whether open sessions watch their files.
    pub watching: Watching,
    /// Whether deployed sites are served.
    pub serving: Serving,
    /// What addresses of previews begin with.
    pub preview_base: String,
    /// What lays slides out; an installed browser if it is left open.
    pub engines: Option<Arc<dyn Engines>>,
}

/// Where deployed sites are served.
#[derive(Default)]
pub(crate) struct DeploymentAddress {
    server: Mutex<Option<DeploymentServer>>,
    port: Mutex<Option<u16>>,
    error: Mutex<Option<String>>,
}

impl DeploymentAddress {
    fn port(&self) -> Option<u16> {
        *self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A deployment with its address: it depends on the port alone, so it is never stored.
    pub(crate) fn fill(&self, mut deployment: Deployment) -> Deployment {
        if let Some(port) = self.port() {
            deployment.url = format!("http://{}.localhost:{port}/", deployment.id);
        }
        deployment
    }

    pub(crate) fn shown(&self) -> (Option<String>, Option<String>) {
        let serves = self.server.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let address =
            self.port().filter(|_| serves).map(|port| format!("http://<deployment>.localhost:{port}/"));
        (address, self.error.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// All parts of the engine behind one door. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Host {
    parts: Arc<Parts>,
}

impl Deref for Host {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// What a [`Host`] is made of.
pub struct Parts {
    pub(crate) data: DataFolder,
    pub(crate) environment: Environment,
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Engine,
    pub(crate) registry: Arc<Registry>,
    pub(crate) sandbox: Sandbox,
    pub(crate) kernels: Kernels,
    /// Calls off making the Python environment.
    pub(crate) python_making: Mutex<Option<tokio_util::sync::CancellationToken>>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) redactor: Redactor,
    pub(crate) models: Arc<ProfileModels>,
    pub(crate) previews: Previews,
    pub(crate) tables: Tables,
    pub(crate) shelf: Shelf,
    /// The session that was opened last.
    pub(crate) looked_at: tokio::sync::watch::Sender<Option<okcvm_protocol::SessionId>>,
    /// What could not be drawn or turned into pages lately.
    pub(crate) refusals: crate::page_pictures::Refusals,
    /// What the window's viewers ask.
    pub(crate) viewers: crate::looking::Viewers,
    /// What was read of moments lately.
    pub(crate) contents: Contents,
    pub(crate) engines: Arc<dyn Engines>,
    /// One page is drawn at a time.
    pub(crate) drawing: tokio::sync::Semaphore,
    pub(crate) slides: crate::slide_pictures::SlidePictures,
    /// Held while slides are turned into a PDF.
    pub(crate) converting: tokio::sync::Mutex<()>,
    pub(crate) address: Arc<DeploymentAddress>,
    pub(crate) exports: Exports,
    pub(crate) imports: Imports,
    pub(crate) processes: Processes,
    pub(crate) left_behind: Vec<LeftBehind>,
    file: Mutex<SettingsFile>,
    settings: Arc<RwLock<Settings>>,
}

impl Host {
    /// Opens the data folder and puts everything together. Call within a tokio runtime; blocking for some
    /// milliseconds. The keychain is not asked yet: see [`Parts::probe_keys`].
    pub fn open(options: HostOptions, redactor: Redactor) -> Result<Self, AppError> {
        let HostOptions { environment, helper, watching, serving, preview_base, engines } = options;
        let data = DataFolder::find(&environment)?;
        data.create()?;
        let store = Arc::new(Store::open(&data.database()).map_err(|error| unusable(&data, &error))?);
        let file = SettingsFile::read(&data.settings());
        if let Some(problem) = file.problem() {
            tracing::warn!(%problem, "the settings file cannot be read; defaults are in force");
        }
        let settings = Arc::new(RwLock::new(file.effective(environment.profile.as_ref())));

        let keys = environment.key.clone().map(|key| (ENVIRONMENT_PROFILE.to_owned(), key));
        let vault = Vault::open(VaultOptions {
            service: KEYCHAIN_SERVICE.to_owned(),
            file: data.keys(),
            preferred: file.settings().key_storage,
            environment: keys.into_iter().collect::<BTreeMap<_, _>>(),
        });
        let vault = Arc::new(vault.with_redactor(redactor.clone()));

        let manifest = Manifest::embedded().map_err(|error| {
            AppError::new("The tool manifest inside of the program is wrong.").with_detail(error.to_string())
        })?;
        let manifest = Arc::new(manifest);
        okcvm_documents::read_elsewhere(helper.clone());
        let sandbox = Sandbox::probe_beside(helper).hiding(data.root()).hiding_workspaces({
            let store = Arc::clone(&store);
            move || crate::python::folders_of_users(&store)
        });
        let processes = Processes::in_folder(data.processes());
        let left_behind = processes.sweep();
        let kernels = Kernels::entered_in(
            processes.clone(),
            sandbox.clone(),
            okcvm_python::Environment::new(
                environment.python.clone().unwrap_or_else(|| data.python()),
                environment.search_path.clone(),
                environment.home.clone(),
            )
            .passing_over({
                let (store, sessions) = (Arc::clone(&store), data.sessions());
                move || crate::python::agent_folders(&store, &sessions)
            }),
        );
        let events = EventBus::default();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let address = Arc::new(DeploymentAddress::default());
        let engines = engines.unwrap_or_else(|| {
            Arc::new(InstalledBrowser { sandbox: sandbox.clone(), processes: processes.clone() })
        });
        let shelf = Shelf::new(data.thumbnails());
        let tools = okcvm_toolbox::tools(ToolboxParts {
            sandbox: sandbox.clone(),
            kernels: kernels.clone(),
            processes: processes.clone(),
            network: Arc::new(StoredNetwork { store: Arc::clone(&store), events: events.clone() }),
            todos: Arc::new(StoredTodos { store: Arc::clone(&store), events: events.clone() }),
            deployments: Arc::new(StoredDeployments {
                store: Arc::clone(&store),
                events: events.clone(),
                clock: Arc::clone(&clock),
                address: Arc::clone(&address),
            }),
            engines: Arc::clone(&engines),
            keep_look: Arc::new({
                let shelf = shelf.clone();
                move |hashes, looks| okcvm_preview::keep_slides(&shelf, hashes, 0, looks)
            }),
        });
        let registry = Registry::new(Arc::clone(&manifest), tools).map_err(|error| {
            AppError::new("The tools do not fit their manifest.").with_detail(error.to_string())
        })?;
        let registry = Arc::new(registry);
        let models = Arc::new(ProfileModels {
            settings: Arc::clone(&settings),
            vault: Arc::clone(&vault),
            demo_pace: environment.demo_pace,
        });
        let engine = Engine::new(
            EngineParts {
                store: Arc::clone(&store),
                registry: Arc::clone(&registry),
                models: Arc::clone(&models) as Arc<dyn okcvm_engine::ModelSource>,
                defaults: Arc::new({
                    let settings = Arc::clone(&settings);
                    move || {
                        let settings = settings.read().unwrap_or_else(PoisonError::into_inner);
                        SessionDefaults {
                            profile: settings.default_profile.clone(),
                            limits: settings.limits.clone(),
                        }
                    }
                }),
                history_limits: Arc::new({
                    let settings = Arc::clone(&settings);
                    move || settings.read().unwrap_or_else(PoisonError::into_inner).history.clone()
                }),
                prompt: Arc::new(prompt(manifest, Arc::clone(&registry))),
                clock,
                events,
                redact: Arc::new({
                    let redactor = redactor.clone();
                    move |text: &str| redactor.redact(text).into_owned()
                }),
                describe: Arc::new({
                    let shelf = shelf.clone();
                    move |root: &Path, artifacts: &mut [Artifact]| {
                        crate::looking::describe_artifacts(&shelf, root, artifacts);
                    }
                }),
            },
            EngineOptions { sessions_folder: data.sessions(), home: environment.home.clone(), watching },
        );
        let parts = Parts {
            previews: Previews::new(preview_base).with_sheets(Arc::new(okcvm_slides::icon_sheet)),
            tables: Tables::new(data.spool(), crate::looking::tell_of_tables(engine.events().clone())),
            shelf,
            looked_at: tokio::sync::watch::Sender::new(None),
            refusals: crate::page_pictures::Refusals::default(),
            viewers: crate::looking::Viewers::default(),
            contents: Contents::default(),
            engines,
            drawing: tokio::sync::Semaphore::new(1),
            slides: crate::slide_pictures::SlidePictures::default(),
            converting: tokio::sync::Mutex::default(),
            exports: Exports::default(),
            imports: Imports::default(),
            processes,
            left_behind,
            file: Mutex::new(file),
            data,
            environment,
            store,
            engine,
            registry,
            sandbox,
            kernels,
            python_making: Mutex::default(),
            vault,
            redactor,
            models,
            address,
            settings,
        };
        parts.serve(serving);
        if serving == Serving::Yes {
            parts.engine.keep_house();
        }
        if watching == Watching::Yes {
            crate::processes::tell_of_changes(parts.processes.clone(), parts.engine.events().clone());
        }
        Ok(Self { parts: Arc::new(parts) })
    }
}

impl Parts {
    /// Serves deployed sites at the port that was chosen once; chooses it the first time.
    fn serve(&self, serving: Serving) {
        let chosen = self.settings().deployment_port;
        *self.address.port.lock().unwrap_or_else(PoisonError::into_inner) = chosen;
        if serving == Serving::No && chosen.is_some() {
            return;
        }
        let store = Arc::clone(&self.store);
        let data = self.data.clone();
        let find = move |id: &str| -> Option<PathBuf> {
            let (session, deployment) = store.deployment(&DeploymentId(id.to_owned())).ok()?;
            Some(data.deployment(session.as_str(), deployment.id.as_str()))
        };
        match DeploymentServer::start(chosen, Arc::new(find)) {
            Ok(server) => {
                let port = server.port();
                *self.address.port.lock().unwrap_or_else(PoisonError::into_inner) = Some(port);
                // A settings file that cannot be read is left as it is: the port then holds for this run.
                if chosen.is_none() && self.settings_problem().is_none() {
                    let settings = Settings { deployment_port: Some(port), ..self.settings() };
                    if let Err(error) = self.save_settings(settings) {
                        tracing::warn!(%error, "the port of deployed sites could not be kept");
                    }
                }
                if serving == Serving::Yes {
                    *self.address.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "deployed sites are not served");
                *self.address.error.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(error.to_app_error().to_string());
            }
        }
    }

    /// Tests the keychain by writing, reading and deleting. Blocking, at most some seconds.
    pub fn probe_keys(&self) -> bool {
        let works = self.vault.probe();
        self.engine.events().app(AppEvent::SettingsChanged);
        works
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Previews of the window's own scheme.
    pub fn previews(&self) -> &Previews {
        &self.previews
    }

    /// Where everything lies.
    pub fn data(&self) -> &DataFolder {
        &self.data
    }

    /// What an earlier run of the program left, which was ended when this one started.
    pub fn left_behind(&self) -> &[LeftBehind] {
        &self.left_behind
    }

    /// How agent code is held.
    pub fn sandbox_status(&self) -> SandboxStatus {
        self.sandbox.status()
    }

    /// Settings as in force, the environment included.
    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes another model of the endpoint that the environment names, for this run. Tells whether there is one.
    pub fn override_model(&self, model: &str) -> bool {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let profile = settings.profiles.iter_mut().find(|profile| profile.id == ENVIRONMENT_PROFILE);
        profile.map(|profile| model.clone_into(&mut profile.model)).is_some()
    }

    /// What is wrong with the settings file.
    pub fn settings_problem(&self) -> Option<AppError> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).problem().cloned()
    }

    /// Replaces the settings, in force and in the file.
    pub fn save_settings(&self, settings: Settings) -> Result<(), AppError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.save(settings)?;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) =
            file.effective(self.environment.profile.as_ref());
        self.engine.events().app(AppEvent::SettingsChanged);
        Ok(())
    }

    /// Keeps the user's choice of where keys lie.
    pub(crate) fn note_key_storage(&self, backend: SecretBackend) -> Result<(), AppError> {
        let kept = match backend {
            // Memory is a choice for this run only.
            SecretBackend::Memory | SecretBackend::None => None,
            SecretBackend::Keychain | SecretBackend::EncryptedFile => Some(backend),
        };
        if self.settings().key_storage == kept {
            return Ok(());
        }
        self.save_settings(Settings { key_storage: kept, ..self.settings() })
    }

    /// A deployment with its address and its folder.
    pub fn deployment(&self, id: &DeploymentId) -> Result<(Deployment, PathBuf), AppError> {
        let (session, deployment) = self.store.deployment(id)?;
        let folder = self.data.deployment(session.as_str(), id.as_str());
        Ok((self.address.fill(deployment), folder))
    }

    /// The absolute path of a file or folder of a session, for programs outside. Blocking.
    pub fn file_on_disk(&self, session: &okcvm_protocol::SessionId, path: &str) -> Result<PathBuf, AppError> {
        let workspace = self.engine.workspace(session)?;
        let path = okcvm_workspace::WorkspacePath::parse(path).map_err(|error| error.to_app_error())?;
        if workspace.metadata(&path).map_err(|error| error.to_app_error())?.is_none() {
            return Err(AppError::new(format!("{} is not in the workspace.", path.as_str()))
                .with_code(okcvm_protocol::ErrorCode::NotFound));
        }
        Ok(workspace.absolute(&path))
    }

    /// Stops all turns and ends all kernels, and waits for their end.
    pub async fn shut_down(&self) {
        self.cancel_python();
        self.engine.shut_down().await;
        self.kernels.end_all().await;
    }
}

/// The database cannot be opened: says which file, and how to go on without it.
fn unusable(data: &DataFolder, error: &StoreError) -> AppError {
    let reason = error.to_app_error();
    AppError {
        message: format!("The database {} cannot be opened.", data.database().display()),
        hint: reason.hint.or_else(|| {
            Some(
                "If it is damaged, move it aside: a new one is begun, and the files of your sessions stay."
                    .into(),
            )
        }),
        detail: Some(error.to_string()),
        code: reason.code,
    }
}

/// The system prompt from its template, with the day, the user's files and the tools of this moment.
fn prompt(manifest: Arc<Manifest>, registry: Arc<Registry>) -> impl Fn(&PromptFacts) -> String {
    move |facts| {
        let mut files: Vec<PromptFile> = Vec::new();
        for file in &facts.files {
            if !files.iter().any(|listed| listed.path == file.path) {
                files.push(PromptFile { path: file.path.clone(), size: file.size });
            }
        }
        manifest.system_prompt(&PromptValues {
            date: day(facts.at),
            files,
            more_files: 0,
            tools: registry.offered_in(facts.mode).map(|definition| definition.name.clone()).collect(),
            permissions: okcvm_tools::mode_in_words(facts.mode).to_owned(),
        })
    }
}

/// A moment as its day in words, in the time zone of this machine.
fn day(at: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%A, %Y-%m-%d").to_string()
}
