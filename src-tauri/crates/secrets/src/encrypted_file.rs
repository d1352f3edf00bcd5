use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, OsRng, Payload, rand_core::RngCore as _},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::VaultError;

const FORMAT: &str = "okcvm-keys";
const FORMAT_VERSION: u32 = 1;
const SHORTEST_PASSPHRASE: usize = 8;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
/// Above these a file is refused as damaged, so that a forged header cannot exhaust memory or time.
const MOST_MEMORY_KIB: u32 = 1 << 20;
const MOST_ITERATIONS: u32 = 64;
const MOST_FILE_BYTES: u64 = 1 << 20;

/// What it costs to try one passphrase (argon2id). Written into the file, so that it can be raised later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PassphraseCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for PassphraseCost {
    /// 64 MiB, three passes: the second recommended choice of RFC 9106, with one lane.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, iterations: 3, lanes: 1 }
    }
}

/// Everything but the ciphertext. Its serialised form is the associated data of the encryption, so that no field
/// can be changed without the file failing to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    format: String,
    version: u32,
    derivation: String,
    cost: PassphraseCost,
    salt: String,
    cipher: String,
    nonce: String,
}

#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(flatten)]
    header: Header,
    data: String,
}

/// An opened file of keys, encrypted with a passphrase.
///
/// The file is JSON: `format` (`okcvm-keys`), `version` (1), `derivation` (`argon2id`, version 0x13), `cost`
/// (`memoryKib`, `iterations`, `lanes`), `salt` (16 bytes), `cipher` (`xchacha20-poly1305`), `nonce` (24 bytes,
/// new at every write) and `data`: the JSON object profile → key, encrypted with the derived 32 bytes; the
/// associated data is the JSON of all other fields in this order without spaces. Bytes are in base64. The file
/// has mode 0600 and is replaced as a whole; `<name>.lock` beside it keeps two programs from writing at once.
///
/// The keys are decrypted for each call and not kept; the derived key is, until this value is dropped.
pub struct EncryptedFile {
    path: PathBuf,
    key: Zeroizing<[u8; 32]>,
    salt: String,
    cost: PassphraseCost,
}

impl std::fmt::Debug for EncryptedFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EncryptedFile").field("path", &self.path).finish_non_exhaustive()
    }
}

type Keys = BTreeMap<String, Zeroizing<String>>;

impl EncryptedFile {
    /// Opens the file with its passphrase, or begins a new one if there is none. Takes noticeable time on
    /// purpose. An error leaves the file as it was.
    pub fn open(path: &Path, passphrase: &SecretString, cost: PassphraseCost) -> Result<Self, VaultError> {
        let passphrase = passphrase.expose_secret();
        let _guard = lock(path)?;
        if let Some(document) = read(path)? {
            let salt = document.header.salt.clone();
            let cost = document.header.cost;
            let key = derive(path, passphrase, &salt, cost)?;
            let file = Self { path: path.into(), key, salt, cost };
            file.decrypt(&document)?;
            return Ok(file);
        }
        if passphrase.chars().count() < SHORTEST_PASSPHRASE {
            return Err(VaultError::ShortPassphrase(SHORTEST_PASSPHRASE));
        }
        let mut salt = [0; SALT_BYTES];
        OsRng.fill_bytes(&mut salt);
        let salt = BASE64.encode(salt);
        let key = derive(path, passphrase, &salt, cost)?;
        let file = Self { path: path.into(), key, salt, cost };
        file.write(&Keys::new())?;
        Ok(file)
    }

    /// The key of a profile.
    pub fn get(&self, profile: &str) -> Result<Option<SecretString>, VaultError> {
        Ok(self.keys()?.remove(profile).map(|key| SecretString::from(key.as_str())))
    }

    /// Profiles that have a key.
    pub fn profiles(&self) -> Result<Vec<String>, VaultError> {
        Ok(self.keys()?.into_keys().collect())
    }

    /// Keeps the key of a profile.
    pub fn set(&self, profile: &str, key: &SecretString) -> Result<(), VaultError> {
        let _guard = lock(&self.path)?;
        let mut keys = self.keys()?;
        keys.insert(profile.into(), Zeroizing::new(key.expose_secret().into()));
        self.write(&keys)
    }

    /// Forgets the key of a profile.
    pub fn delete(&self, profile: &str) -> Result<(), VaultError> {
        let _guard = lock(&self.path)?;
        let mut keys = self.keys()?;
        if keys.remove(profile).is_some() { self.write(&keys) } else { Ok(()) }
    }

    fn keys(&self) -> Result<Keys, VaultError> {
        match read(&self.path)? {
            // Another program began the file anew with another passphrase: this key does not fit any more.
            Some(document) if document.header.salt != self.salt => Err(VaultError::Locked(self.path.clone())),
            Some(document) => self.decrypt(&document),
            // The file was taken away while the program ran; the next write makes it again.
            None => Ok(Keys::new()),
        }
    }

    fn decrypt(&self, document: &Document) -> Result<Keys, VaultError> {
        let nonce = bytes_of(&self.path, &document.header.nonce, NONCE_BYTES, "nonce")?;
        let data =
            BASE64.decode(&document.data).map_err(|_| damaged(&self.path, "its data is not base64"))?;
        let header = serialise(&self.path, &document.header)?;
        let payload = Payload { msg: &data, aad: &header };
        // A changed file and a wrong passphrase look the same to the cipher; the second is by far the likelier.
        let clear = XChaCha20Poly1305::new(self.key.as_ref().into())
            .decrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| VaultError::WrongPassphrase(self.path.clone()))?;
        let clear = Zeroizing::new(clear);
        let keys: BTreeMap<String, String> = serde_json::from_slice(&clear)
            .map_err(|_| damaged(&self.path, "its content is not a table of keys"))?;
        Ok(keys.into_iter().map(|(profile, key)| (profile, Zeroizing::new(key))).collect())
    }

    fn write(&self, keys: &Keys) -> Result<(), VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        OsRng.fill_bytes(&mut nonce);
        let header = Header {
            format: FORMAT.into(),
            version: FORMAT_VERSION,
            derivation: "argon2id".into(),
            cost: self.cost,
            salt: self.salt.clone(),
            cipher: "xchacha20-poly1305".into(),
            nonce: BASE64.encode(nonce),
        };
        let plain: BTreeMap<&str, &str> =
            keys.iter().map(|(name, key)| (name.as_str(), key.as_str())).collect();
        let clear = Zeroizing::new(serialise(&self.path, &plain)?);
        let associated = serialise(&self.path, &header)?;
        let payload = Payload { msg: &clear, aad: &associated };
        let data = XChaCha20Poly1305::new(self.key.as_ref().into())
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| damaged(&self.path, "its keys could not be encrypted"))?;
        let document = Document { header, data: BASE64.encode(data) };
        let mut text =
            serde_json::to_vec_pretty(&document).map_err(|error| damaged(&self.path, &error.to_string()))?;
        text.push(b'\n');
        replace(&self.path, &text).map_err(|source| VaultError::Io { path: self.path.clone(), source })
    }
}

fn read(path: &Path) -> Result<Option<Document>, VaultError> {
    let io_error = |source| VaultError::Io { path: path.into(), source };
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(error)),
    };
    if size > MOST_FILE_BYTES {
        return Err(damaged(path, "it is too large"));
    }
    let text = fs::read(path).map_err(io_error)?;
    let document: Document = serde_json::from_slice(&text)
        .map_err(|_| damaged(path, "it is not a file of keys of this program"))?;
    let Header { format, version, derivation, cost, cipher, .. } = &document.header;
    if format != FORMAT {
        return Err(damaged(path, "it is not a file of keys of this program"));
    }
    if *version != FORMAT_VERSION {
        return Err(damaged(
            path,
            &format!("it has version {version}, this program knows version {FORMAT_VERSION}"),
        ));
    }
    if derivation != "argon2id" || cipher != "xchacha20-poly1305" {
        return Err(damaged(path, "it names an unknown cipher"));
    }
    if cost.memory_kib > MOST_MEMORY_KIB || cost.iterations > MOST_ITERATIONS || cost.lanes > 16 {
        return Err(damaged(path, "its cost is beyond all measure"));
    }
    Ok(Some(document))
}

fn derive(
    path: &Path,
    passphrase: &str,
    salt: &str,
    cost: PassphraseCost,
) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let mut salt = bytes_of(path, salt, SALT_BYTES, "salt")?;
    let parameters = Params::new(cost.memory_kib, cost.iterations, cost.lanes, Some(32))
        .map_err(|_| damaged(path, "its cost is not valid"))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(passphrase.as_bytes(), &salt, key.as_mut())
        .map_err(|_| damaged(path, "its key could not be derived"))?;
    salt.zeroize();
    Ok(key)
}

fn bytes_of(path: &Path, text: &str, length: usize, what: &str) -> Result<Vec<u8>, VaultError> {
    match BASE64.decode(text) {
        Ok(bytes) if bytes.len() == length => Ok(bytes),
        Ok(_) | Err(_) => Err(damaged(path, &format!("its {what} is not {length} bytes of base64"))),
    }
}

fn serialise<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, VaultError> {
    serde_json::to_vec(value).map_err(|error| damaged(path, &error.to_string()))
}

fn damaged(path: &Path, reason: &str) -> VaultError {
    VaultError::Damaged { path: path.into(), reason: reason.into() }
}

fn lock(path: &Path) -> Result<fs::File, VaultError> {
    let io_error = |source| VaultError::Io { path: path.into(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io_error)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(name).map_err(io_error)?;
    file.lock().map_err(io_error)?;
    Ok(file)
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The temporary file is made with mode 0600.
    let mut file = tempfile::Builder::new().prefix(".keys-").tempfile_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
#[path = "encrypted_file_tests.rs"]
mod tests;
