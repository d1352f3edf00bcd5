//! Whom the commands of a session may speak to, and whom they spoke to.

use okcvm_host::Host;
use okcvm_protocol::{
    AppError, CommandHandler, Contact, ContactOutcome, NetworkPolicy, NetworkResponse, NetworkSetParams,
    SessionId, SessionParams,
};

use crate::arguments::NetworkChange;
use crate::failure::Failure;
use crate::output::{self, Format};

/// Shows the policy, after changing it if that was asked for.
pub(super) async fn policy(
    host: &Host,
    session: &str,
    change: Option<NetworkChange>,
    hosts: Vec<String>,
    format: Format,
) -> Result<(), Failure> {
    let session_id = super::find(host, session)?.id;
    let wanted = match change {
        None => None,
        Some(NetworkChange::Allow) => Some(NetworkPolicy::Hosts { hosts }),
        Some(NetworkChange::Off | NetworkChange::Open) if !hosts.is_empty() => {
            return Err(AppError::new("Hosts are named with `allow` only.").into());
        }
        Some(NetworkChange::Off) => Some(NetworkPolicy::Off),
        Some(NetworkChange::Open) => Some(NetworkPolicy::Open),
    };
    let answer = match wanted {
        Some(policy) => host.network_set(NetworkSetParams { session_id, policy }).await?,
        None => host.network_get(SessionParams { session_id }).await?,
    };
    show(&answer, format)
}

fn show(answer: &NetworkResponse, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return Ok(output::json(answer)?);
    }
    match &answer.policy {
        NetworkPolicy::Off => output::line("off"),
        NetworkPolicy::Open => output::line("open"),
        NetworkPolicy::Hosts { hosts } => {
            for host in hosts {
                output::line(&format!("allow {host}"));
            }
        }
    }
    if let Some(reason) = answer.unavailable.as_ref().filter(|_| answer.policy != NetworkPolicy::Off) {
        output::note(&format!("It stays off on this system: {reason}."));
    }
    Ok(())
}

/// Sets the policy of `okcvm run --network`.
pub(crate) async fn choose(host: &Host, session_id: &SessionId, text: &str) -> Result<(), Failure> {
    let policy = match text.trim() {
        "off" => NetworkPolicy::Off,
        "open" => NetworkPolicy::Open,
        hosts => NetworkPolicy::Hosts { hosts: hosts.split(',').map(str::to_owned).collect() },
    };
    let answer = host.network_set(NetworkSetParams { session_id: session_id.clone(), policy }).await?;
    if let Some(reason) = answer.unavailable.filter(|_| answer.policy != NetworkPolicy::Off) {
        output::note(&format!("The network stays off on this system: {reason}."));
    }
    Ok(())
}

/// Lists contacts.
pub(super) async fn contacts(host: &Host, session: &str, format: Format) -> Result<(), Failure> {
    let session_id = super::find(host, session)?.id;
    let contacts = host.contact_list(SessionParams { session_id }).await?.contacts;
    if format == Format::Json {
        return Ok(output::json(&contacts)?);
    }
    for contact in &contacts {
        output::line(&line(contact));
    }
    Ok(())
}

fn line(contact: &Contact) -> String {
    let outcome = match contact.outcome {
        ContactOutcome::Allowed => "allowed",
        ContactOutcome::Refused => "refused",
        ContactOutcome::Failed => "failed ",
    };
    let reason = contact.reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
    let others = contact.others.map(|others| format!(" and {others} more")).unwrap_or_default();
    format!(
        "{}  {outcome}  {}:{}{others}  sent {}  received {}  call {}{reason}",
        output::moment(contact.started_at),
        contact.host,
        contact.port,
        contact.sent,
        contact.received,
        contact.item_id
    )
}
