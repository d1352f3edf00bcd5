//! The handlers of the command table: each takes its parameters apart, calls one function, and maps the answer.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use okcvm_engine::{EngineError, Start};
use okcvm_model::{LocalPorts, discover, test_connection};
#[allow(clippy::wildcard_imports, reason = "the handlers name nearly every type of the wire")]
use okcvm_protocol::*;
use okcvm_secrets::{ExposeSecret, SecretString};
use okcvm_workspace::{WorkspacePath, decode_name, plan_import, run_import};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::{Host, logging};

/// Entries of a folder that are listed at most.
const MOST_ENTRIES: usize = 5_000;

impl Host {
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Host) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let host = self.clone();
        tokio::task::spawn_blocking(move || work(&host))
            .await
            .map_err(|error| EngineError::from(error).to_app_error())?
    }

    fn key_status(&self) -> SecretStatus {
        let profiles: Vec<String> = self
            .settings()
            .profiles
            .iter()
            .filter(|profile| profile.provider != ProviderKind::Demo)
            .map(|profile| profile.id.clone())
            .collect();
        self.vault.status(&profiles)
    }

    fn settings_response(&self) -> SettingsResponse {
        SettingsResponse {
            settings: self.settings(),
            path: self.data.settings().to_string_lossy().into_owned(),
            problem: self.settings_problem(),
        }
    }
}

fn started(start: Start) -> TurnStartResponse {
    match start {
        Start::Started(node_id) => TurnStartResponse::Started { node_id },
        Start::Queued(queued) => TurnStartResponse::Queued { queued },
    }
}

impl CommandHandler for Host {
    async fn app_info(&self, _: Empty) -> Result<AppInfo, AppError> {
        let (deployment_address, deployment_error) = self.address.shown();
        Ok(AppInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_folder: self.data.root().to_string_lossy().into_owned(),
            log_folder: self.data.logs().to_string_lossy().into_owned(),
            deployment_address,
            deployment_error,
            tools: self.registry.statuses(),
            sandbox: self.sandbox.status(),
            environment_profile: self.environment.profile.as_ref().map(|profile| profile.id.clone()),
        })
    }

    async fn session_list(&self, params: SessionListParams) -> Result<SessionListResponse, AppError> {
        Ok(SessionListResponse { sessions: self.engine.list_sessions(&params.search, params.trash)? })
    }

    async fn session_create(&self, params: SessionCreateParams) -> Result<SessionSummary, AppError> {
        self.blocking(move |host| {
            let folder = params.folder.as_deref().map(decode_name);
            Ok(host.engine.create_session(params.title.as_deref(), folder.as_deref().map(Path::new))?)
        })
        .await
    }

    async fn session_open(&self, params: SessionParams) -> Result<SessionDetail, AppError> {
        self.looked_at.send_replace(Some(params.session_id.clone()));
        self.blocking(move |host| {
            Ok(host.engine.open_session(&params.session_id, |deployment| host.address.fill(deployment))?)
        })
        .await
    }

    async fn session_rename(&self, params: SessionRenameParams) -> Result<SessionSummary, AppError> {
        Ok(self.engine.rename_session(&params.session_id, &params.title)?)
    }

    async fn session_move_folder(&self, params: SessionMoveFolderParams) -> Result<SessionSummary, AppError> {
        let id = params.session_id.clone();
        let summary = self
            .blocking(move |host| {
                let folder = decode_name(&params.folder);
                Ok(host.engine.move_folder(&params.session_id, Path::new(&folder))?)
            })
            .await?;
        // It stands in the folder that was.
        self.kernels.end_session(id.as_str()).await;
        Ok(summary)
    }

    async fn session_configure(&self, params: SessionConfigureParams) -> Result<SessionSummary, AppError> {
        if let Some(profile) = &params.profile
            && !self.settings().profiles.iter().any(|known| known.id == *profile)
        {
            return Err(AppError::new(format!("There is no model profile named “{profile}”.")));
        }
        Ok(self.engine.configure_session(
            &params.session_id,
            params.profile.as_deref(),
            params.limits.as_ref(),
        )?)
    }

    async fn session_set_mode(&self, params: SessionModeParams) -> Result<SessionSummary, AppError> {
        Ok(self.engine.set_session_mode(&params.session_id, params.mode)?)
    }

    async fn approval_answer(&self, params: ApprovalAnswerParams) -> Result<Item, AppError> {
        Ok(self.engine.answer_approval(&params.session_id, &params.item_id, params.answer)?)
    }

    async fn rule_list(&self, params: RuleListParams) -> Result<RuleListResponse, AppError> {
        Ok(RuleListResponse { rules: self.engine.rules(params.session_id.as_ref())? })
    }

    async fn rule_remove(&self, params: RuleParams) -> Result<Empty, AppError> {
        self.engine.remove_rule(&params.id)?;
        Ok(Empty {})
    }

    async fn turn_page(&self, params: TurnPageParams) -> Result<TurnPage, AppError> {
        self.blocking(move |host| {
            Ok(host.engine.turn_page(&params.session_id, &params.before, params.count)?)
        })
        .await
    }

    async fn session_delete(&self, params: SessionParams) -> Result<SessionSummary, AppError> {
        let summary = self.engine.delete_session(&params.session_id).await?;
        self.kernels.end_session(params.session_id.as_str()).await;
        Ok(summary)
    }

    async fn session_recover(&self, params: SessionParams) -> Result<SessionSummary, AppError> {
        Ok(self.engine.recover_session(&params.session_id)?)
    }

    async fn session_purge(&self, params: SessionParams) -> Result<Empty, AppError> {
        self.blocking(move |host| Ok(host.engine.purge_session(&params.session_id)?)).await?;
        Ok(Empty {})
    }

    async fn turn_start(&self, params: TurnStartParams) -> Result<TurnStartResponse, AppError> {
        Ok(started(self.engine.start_turn(&params.session_id, &params.text, params.attachments).await?))
    }

    async fn turn_stop(&self, params: SessionParams) -> Result<Empty, AppError> {
        self.engine.stop_turn(&params.session_id)?;
        Ok(Empty {})
    }

    async fn turn_retry(&self, params: NodeParams) -> Result<TurnStartResponse, AppError> {
        self.kernels.files_moved(params.session_id.as_str());
        Ok(started(self.engine.retry_turn(&params.session_id, &params.node_id).await?))
    }

    async fn turn_edit(&self, params: TurnEditParams) -> Result<TurnStartResponse, AppError> {
        self.kernels.files_moved(params.session_id.as_str());
        Ok(started(self.engine.edit_turn(&params.session_id, &params.node_id, &params.text).await?))
    }

    async fn turn_continue(&self, params: SessionParams) -> Result<TurnStartResponse, AppError> {
        Ok(started(self.engine.continue_turn(&params.session_id).await?))
    }

    async fn turn_steer(&self, params: TurnSteerParams) -> Result<Empty, AppError> {
        self.engine.steer_turn(&params.session_id, &params.text)?;
        Ok(Empty {})
    }

    async fn queue_remove(&self, params: QueueRemoveParams) -> Result<Empty, AppError> {
        self.engine.unqueue(&params.session_id, &params.queue_id)?;
        Ok(Empty {})
    }

    async fn node_label(&self, params: NodeLabelParams) -> Result<NodeSummary, AppError> {
        Ok(self.engine.label_node(&params.session_id, &params.node_id, params.label.as_deref())?)
    }

    async fn node_changes(&self, params: NodeParams) -> Result<NodeChanges, AppError> {
        self.blocking(move |host| Ok(host.engine.node_changes(&params.session_id, &params.node_id)?)).await
    }

    async fn node_diff(&self, params: DiffParams) -> Result<FileDiff, AppError> {
        self.blocking(move |host| {
            Ok(host.engine.node_diff(&params.session_id, &params.node_id, params.side, &params.change)?)
        })
        .await
    }

    async fn node_fork(&self, params: NodeParams) -> Result<RestoreOutcome, AppError> {
        let outcome =
            self.engine.restore(&params.session_id, &params.node_id, RestoreScope::All, None).await?;
        self.kernels.files_moved(params.session_id.as_str());
        Ok(outcome)
    }

    async fn node_file_list(&self, params: NodeFolderParams) -> Result<FileListResponse, AppError> {
        self.blocking(move |host| {
            let path = workspace_path(&params.path)?;
            let mut entries = host.engine.list_at(&params.session_id, &params.node_id, path.as_str())?;
            let truncated = entries.len() > MOST_ENTRIES;
            entries.truncate(MOST_ENTRIES);
            Ok(FileListResponse { entries, truncated })
        })
        .await
    }

    async fn node_file_read(&self, params: NodeFileParams) -> Result<FileContent, AppError> {
        self.blocking(move |host| {
            let path = workspace_path(&params.path)?;
            let range = params.offset..params.offset.saturating_add(params.max_bytes);
            let (mut bytes, size) =
                host.engine.read_at(&params.session_id, &params.node_id, path.as_str(), range)?;
            let hash = format!("{:x}", Sha256::digest(&bytes));
            let truncated = params.offset.saturating_add(bytes.len() as u64) < size;
            if params.offset > 0 {
                // The rest of a character that the range cut in two.
                let rest = bytes.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count();
                bytes.drain(..rest);
            }
            Ok(FileContent {
                mime: mime_guess::from_path(path.as_str()).first_or_octet_stream().to_string(),
                path: path.as_str().to_owned(),
                size,
                text: text_of(bytes),
                truncated,
                hash,
            })
        })
        .await
    }

    async fn node_compare(&self, params: CompareParams) -> Result<CompareResponse, AppError> {
        self.blocking(move |host| {
            Ok(host.engine.compare_nodes(&params.session_id, &params.left, &params.right)?)
        })
        .await
    }

    async fn node_compare_file(&self, params: CompareFileParams) -> Result<FileDiff, AppError> {
        self.blocking(move |host| {
            Ok(host.engine.compare_file(&params.session_id, &params.left, &params.right, &params.change)?)
        })
        .await
    }

    async fn branch_delete(&self, params: NodeParams) -> Result<Empty, AppError> {
        self.blocking(move |host| Ok(host.engine.delete_branch(&params.session_id, &params.node_id)?))
            .await?;
        Ok(Empty {})
    }

    async fn branch_recover(&self, params: NodeParams) -> Result<Empty, AppError> {
        self.blocking(move |host| Ok(host.engine.recover_branch(&params.session_id, &params.node_id)?))
            .await?;
        Ok(Empty {})
    }

    async fn branch_purge(&self, params: NodeParams) -> Result<Empty, AppError> {
        self.blocking(move |host| Ok(host.engine.purge_branch(&params.session_id, &params.node_id)?)).await?;
        Ok(Empty {})
    }

    async fn trash_list(&self, params: SessionParams) -> Result<TrashListResponse, AppError> {
        Ok(TrashListResponse { branches: self.engine.trash(&params.session_id)? })
    }

    async fn restore_plan(&self, params: RestoreParams) -> Result<RestorePlan, AppError> {
        self.blocking(move |host| {
            Ok(host.engine.plan_restore(
                &params.session_id,
                &params.node_id,
                params.scope,
                params.paths.as_deref(),
            )?)
        })
        .await
    }

    async fn restore_apply(&self, params: RestoreParams) -> Result<RestoreOutcome, AppError> {
        let paths = params.paths.as_deref();
        let outcome = self.engine.restore(&params.session_id, &params.node_id, params.scope, paths).await?;
        if params.scope != RestoreScope::Conversation {
            self.kernels.files_moved(params.session_id.as_str());
        }
        Ok(outcome)
    }

    async fn restore_undo(&self, params: SessionParams) -> Result<RestoreOutcome, AppError> {
        let outcome = self.engine.undo_restore(&params.session_id).await?;
        self.kernels.files_moved(params.session_id.as_str());
        Ok(outcome)
    }

    async fn restore_redo(&self, params: SessionParams) -> Result<RestoreOutcome, AppError> {
        let outcome = self.engine.redo_restore(&params.session_id).await?;
        self.kernels.files_moved(params.session_id.as_str());
        Ok(outcome)
    }

    async fn turn_revert_plan(&self, params: NodeParams) -> Result<RevertPlan, AppError> {
        self.blocking(move |host| Ok(host.engine.plan_revert(&params.session_id, &params.node_id)?)).await
    }

    async fn turn_revert(&self, params: NodeParams) -> Result<RestoreOutcome, AppError> {
        let outcome = self.engine.revert_turn(&params.session_id, &params.node_id).await?;
        self.kernels.files_moved(params.session_id.as_str());
        Ok(outcome)
    }

    async fn history_usage(&self, params: SessionParams) -> Result<HistoryUsage, AppError> {
        self.blocking(move |host| Ok(host.engine.history_usage(&params.session_id)?)).await
    }

    async fn history_tidy(&self, params: SessionParams) -> Result<TidyReport, AppError> {
        Ok(self.engine.tidy_history(&params.session_id).await?)
    }

    async fn history_tidy_cancel(&self, params: SessionParams) -> Result<Empty, AppError> {
        self.engine.cancel_tidying(&params.session_id)?;
        Ok(Empty {})
    }

    async fn file_list(&self, params: FileParams) -> Result<FileListResponse, AppError> {
        self.blocking(move |host| {
            let workspace = host.engine.workspace(&params.session_id)?;
            let path = workspace_path(&params.path)?;
            let (entries, truncated) =
                workspace.list(&path, MOST_ENTRIES).map_err(|error| error.to_app_error())?;
            Ok(FileListResponse { entries, truncated })
        })
        .await
    }

    async fn file_read(&self, params: FileReadParams) -> Result<FileContent, AppError> {
        self.blocking(move |host| {
            let workspace = host.engine.workspace(&params.session_id)?;
            let path = workspace_path(&params.path)?;
            let read = workspace.read(&path, params.max_bytes).map_err(|error| error.to_app_error())?;
            let hash = format!("{:x}", Sha256::digest(&read.bytes));
            Ok(FileContent {
                mime: mime_guess::from_path(&params.path).first_or_octet_stream().to_string(),
                path: params.path,
                size: read.size,
                text: text_of(read.bytes),
                truncated: read.truncated,
                hash,
            })
        })
        .await
    }

    async fn file_history(&self, params: FileParams) -> Result<FileHistoryResponse, AppError> {
        self.blocking(move |host| Ok(host.engine.file_history(&params.session_id, &params.path)?)).await
    }

    async fn file_delete(&self, params: FilesParams) -> Result<DeletedFilesResponse, AppError> {
        self.blocking(move |host| {
            Ok(DeletedFilesResponse { files: host.engine.delete_files(&params.session_id, &params.paths)? })
        })
        .await
    }

    async fn file_trash_list(&self, params: SessionParams) -> Result<DeletedFilesResponse, AppError> {
        self.blocking(move |host| {
            Ok(DeletedFilesResponse { files: host.engine.deleted_files(&params.session_id)? })
        })
        .await
    }

    async fn file_recover(&self, params: DeletedFileParams) -> Result<RecoveredFile, AppError> {
        self.blocking(move |host| {
            Ok(RecoveredFile { path: host.engine.recover_file(&params.session_id, &params.id)? })
        })
        .await
    }

    async fn file_purge(&self, params: DeletedFileParams) -> Result<Empty, AppError> {
        self.blocking(move |host| Ok(host.engine.purge_file(&params.session_id, &params.id)?)).await?;
        Ok(Empty {})
    }

    async fn turn_bring_back(&self, params: BringBackParams) -> Result<RestoreOutcome, AppError> {
        let paths = params.paths.as_deref();
        Ok(self.engine.bring_back(&params.session_id, &params.node_id, paths).await?)
    }

    async fn import_plan(&self, params: ImportPlanParams) -> Result<ImportPlan, AppError> {
        let limits = self.settings().import;
        let cancel = self.imports.begin(&params.import_id);
        let id = params.import_id.clone();
        let plan = self
            .blocking(move |host| {
                let workspace = host.engine.writable_workspace(&params.session_id)?;
                let target = workspace_path(&params.target)?;
                let sources: Vec<PathBuf> =
                    params.sources.iter().map(|source| decode_name(source).into()).collect();
                let mut tell = host.import_progress(&params.session_id, &params.import_id);
                plan_import(&workspace, &sources, &target, &limits, &cancel, &mut tell)
                    .map_err(|error| error.to_app_error())
            })
            .await;
        self.imports.end(&id);
        plan
    }

    async fn import_start(&self, params: ImportParams) -> Result<ImportReport, AppError> {
        let limits = self.settings().import;
        let cancel = self.imports.begin(&params.import_id);
        let id = params.import_id.clone();
        let report = self
            .blocking(move |host| {
                let workspace = host.engine.writable_workspace(&params.session_id)?;
                let target = workspace_path(&params.target)?;
                let sources: Vec<PathBuf> =
                    params.sources.iter().map(|source| decode_name(source).into()).collect();
                let mut tell = host.import_progress(&params.session_id, &params.import_id);
                let mark = host.engine.begin_import(&params.session_id)?;
                let report =
                    run_import(&workspace, &sources, &target, params.clashes, &limits, &cancel, &mut tell)
                        .map_err(|error| error.to_app_error());
                let imported = report.as_ref().ok().map(|report| report.imported.as_slice());
                host.engine.end_import(&params.session_id, &mark, imported)?;
                report
            })
            .await;
        self.imports.end(&id);
        report
    }

    async fn node_export(&self, params: NodeExportParams) -> Result<ExportReport, AppError> {
        let (id, cancel) = (params.export_id.clone(), self.exports.begin(&params.export_id));
        let report = self.blocking(move |host| host.export(&params, &cancel)).await;
        self.exports.end(&id);
        report
    }

    async fn node_export_cancel(&self, params: ExportCancelParams) -> Result<Empty, AppError> {
        self.exports.cancel(&params.export_id);
        Ok(Empty {})
    }

    async fn import_cancel(&self, params: ImportCancelParams) -> Result<Empty, AppError> {
        self.imports.cancel(&params.import_id);
        Ok(Empty {})
    }

    async fn network_get(&self, params: SessionParams) -> Result<NetworkResponse, AppError> {
        self.blocking(move |host| host.network_policy(&params.session_id)).await
    }

    async fn network_set(&self, params: NetworkSetParams) -> Result<NetworkResponse, AppError> {
        self.blocking(move |host| host.set_network_policy(&params.session_id, params.policy)).await
    }

    async fn contact_list(&self, params: SessionParams) -> Result<ContactListResponse, AppError> {
        self.blocking(move |host| host.contacts(&params.session_id)).await
    }

    async fn process_list(&self, _: Empty) -> Result<ProcessListResponse, AppError> {
        self.blocking(move |host| {
            Ok(ProcessListResponse {
                processes: host.processes.list(),
                left_behind: host.left_behind.clone(),
            })
        })
        .await
    }

    async fn process_end(&self, params: ProcessParams) -> Result<Empty, AppError> {
        if self.processes.end(&params.process_id) {
            return Ok(Empty {});
        }
        Err(AppError::new("It has ended already.").with_code(ErrorCode::NotFound))
    }

    async fn timeline_list(&self, params: SessionParams) -> Result<TimelineResponse, AppError> {
        Ok(TimelineResponse { spans: self.engine.timeline(&params.session_id)? })
    }

    async fn preview_open(&self, params: PreviewOpenParams) -> Result<PreviewHandle, AppError> {
        self.blocking(move |host| {
            let target = host.preview_target(&params.session_id, &params.source)?;
            host.previews.open(target).map_err(|error| error.to_app_error())
        })
        .await
    }

    async fn preview_close(&self, params: PreviewCloseParams) -> Result<Empty, AppError> {
        self.previews.close(&params.token);
        Ok(Empty {})
    }

    async fn preview_warm(&self, params: PreviewWarmParams) -> Result<Empty, AppError> {
        self.blocking(move |host| {
            host.previews.warm(&params.token, params.like.as_deref(), &host.shelf);
            Ok(Empty {})
        })
        .await
    }

    async fn preview_describe(&self, params: PreviewDescribeParams) -> Result<FileFacts, AppError> {
        let wanted = self.viewers.newest(params.viewer.as_deref());
        self.blocking(move |host| {
            let source = host.source(&params.session_id, &params.source)?;
            okcvm_preview::describe_wanted(&source, &host.shelf, &wanted)
                .map_err(|error| error.to_app_error())
        })
        .await
    }

    async fn preview_read(&self, params: PreviewReadParams) -> Result<FileContent, AppError> {
        self.blocking(move |host| host.read_source(&params.session_id, &params.source, params.max_bytes))
            .await
    }

    async fn table_open(&self, params: TableOpenParams) -> Result<TableHandle, AppError> {
        let wanted = self.viewers.newest(params.viewer.as_deref());
        self.blocking(move |host| {
            let source = host.source(&params.session_id, &params.source)?;
            let material = source.open().map_err(|error| error.to_app_error())?;
            let opened = host.tables.open_wanted(material, params.sheet.as_deref(), &wanted);
            opened.map_err(|error| error.to_app_error())
        })
        .await
    }

    async fn table_rows(&self, params: TableRowsParams) -> Result<TableRows, AppError> {
        self.blocking(move |host| {
            host.tables.rows(&params.id, params.from, params.count).map_err(|error| error.to_app_error())
        })
        .await
    }

    async fn table_close(&self, params: TableCloseParams) -> Result<Empty, AppError> {
        self.tables.close(&params.id);
        Ok(Empty {})
    }

    async fn archive_list(&self, params: ArchiveListParams) -> Result<ArchiveListing, AppError> {
        let wanted = self.viewers.newest(params.viewer.as_deref());
        self.blocking(move |host| {
            let source = host.source(&params.session_id, &params.source)?;
            let material = source.open().map_err(|error| error.to_app_error())?;
            okcvm_preview::list_archive(&material, &wanted).map_err(|error| error.to_app_error())
        })
        .await
    }

    async fn thumbnail_get(&self, params: ThumbnailParams) -> Result<Thumbnail, AppError> {
        self.small_picture(params.session_id, params.source).await
    }

    async fn poster_keep(&self, params: PosterKeepParams) -> Result<Thumbnail, AppError> {
        self.blocking(move |host| {
            let source = host.source(&params.session_id, &params.source)?;
            let png = STANDARD.decode(params.png).map_err(|error| {
                AppError::new("The frame of the film is not in base64.").with_detail(error.to_string())
            })?;
            okcvm_preview::keep_poster(&source, &host.shelf, &params.hash, &png)
                .map_err(|error| error.to_app_error())
        })
        .await
    }

    async fn slide_picture_get(&self, params: SlidePictureParams) -> Result<Thumbnail, AppError> {
        self.slide_picture(params.session_id, params.source, params.slide).await
    }

    async fn slide_pictures_stop(&self, params: SlidePicturesStopParams) -> Result<Empty, AppError> {
        self.slides.stop(&params.session_id, &params.source);
        Ok(Empty {})
    }

    async fn pptx_pdf(&self, params: PptxPdfParams) -> Result<PreviewHandle, AppError> {
        self.slides_as_pdf(params.session_id, params.source).await
    }

    async fn settings_get(&self, _: Empty) -> Result<SettingsResponse, AppError> {
        Ok(self.settings_response())
    }

    async fn settings_save(&self, params: SettingsSaveParams) -> Result<SettingsResponse, AppError> {
        self.blocking(move |host| {
            host.save_settings(params.settings)?;
            Ok(host.settings_response())
        })
        .await
    }

    async fn secret_status(&self, _: Empty) -> Result<SecretStatus, AppError> {
        self.blocking(|host| Ok(host.key_status())).await
    }

    async fn secret_choose(&self, params: SecretBackendParams) -> Result<SecretStatus, AppError> {
        self.blocking(move |host| {
            let backend = host.vault.choose(&params.choice).map_err(|error| error.to_app_error())?;
            host.note_key_storage(backend)?;
            Ok(host.key_status())
        })
        .await
    }

    async fn key_set(&self, params: KeySetParams) -> Result<SecretStatus, AppError> {
        let key = SecretString::from(params.key);
        self.blocking(move |host| {
            if key.expose_secret().trim().is_empty() {
                return Err(AppError::new("The key is empty."));
            }
            host.redactor.learn(key.expose_secret());
            host.vault.set(&params.profile, &key).map_err(|error| error.to_app_error())?;
            host.engine.events().app(AppEvent::SettingsChanged);
            Ok(host.key_status())
        })
        .await
    }

    async fn key_delete(&self, params: KeyDeleteParams) -> Result<SecretStatus, AppError> {
        self.blocking(move |host| {
            host.vault.delete(&params.profile).map_err(|error| error.to_app_error())?;
            host.engine.events().app(AppEvent::SettingsChanged);
            Ok(host.key_status())
        })
        .await
    }

    async fn model_test(&self, params: ModelTestParams) -> Result<ConnectionReport, AppError> {
        let key = params.key.filter(|key| !key.trim().is_empty()).map(SecretString::from);
        if let Some(key) = &key {
            self.redactor.learn(key.expose_secret());
        }
        let options = self.blocking(move |host| host.models.options(params.profile, key)).await?;
        Ok(test_connection(options, &CancellationToken::new()).await)
    }

    async fn model_discover(&self, _: Empty) -> Result<ModelDiscoverResponse, AppError> {
        Ok(ModelDiscoverResponse { servers: discover(&LocalPorts::default()).await })
    }

    async fn python_status(&self, _: Empty) -> Result<PythonStatus, AppError> {
        Ok(self.python_now().await)
    }

    async fn python_create(&self, params: PythonCreateParams) -> Result<PythonStatus, AppError> {
        self.make_python(params.renewal, &CancellationToken::new(), &|_| {}).await
    }

    async fn python_cancel(&self, _: Empty) -> Result<Empty, AppError> {
        self.cancel_python();
        Ok(Empty {})
    }

    async fn logs_read(&self, params: LogsParams) -> Result<LogsResponse, AppError> {
        self.blocking(move |host| {
            let folder = host.data.logs();
            let Some(path) = logging::latest(&folder) else {
                return Ok(LogsResponse { path: folder.to_string_lossy().into_owned(), lines: Vec::new() });
            };
            let text = std::fs::read(&path).map_err(|error| {
                AppError::new(format!("{} cannot be read.", path.display())).with_detail(error.to_string())
            })?;
            let text = String::from_utf8_lossy(&text);
            let mut lines: Vec<String> =
                text.lines().rev().take(params.lines as usize).map(str::to_owned).collect();
            lines.reverse();
            Ok(LogsResponse { path: path.to_string_lossy().into_owned(), lines })
        })
        .await
    }
}

pub(crate) fn workspace_path(path: &str) -> Result<WorkspacePath, AppError> {
    WorkspacePath::parse(path).map_err(|error| error.to_app_error())
}

/// Bytes as text, if they are text. A character that the limit cut in two is left out.
pub(crate) fn text_of(mut bytes: Vec<u8>) -> Option<String> {
    if bytes.contains(&0) {
        return None;
    }
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    String::from_utf8(bytes).ok()
}
