//! Sound and moving pictures: how long they play, and how loud the sound is.

use std::io::{Cursor, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use okcvm_protocol::ArtifactMeta;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use super::MOST_WHOLE;
use crate::refused::Refused;
use crate::source::Material;

/// Stretches whose loudness is given.
const MOST_PEAKS: usize = 256;
/// How long decoding sound may take.
const MOST_TIME: Duration = Duration::from_secs(15);

/// Bytes that can be read anywhere.
struct Bytes<R> {
    inner: R,
    length: u64,
}

impl<R: Read> Read for Bytes<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(into)
    }
}

impl<R: Seek> Seek for Bytes<R> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

impl<R: Read + Seek + Send + Sync> MediaSource for Bytes<R> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}

/// What a file of sound or moving pictures is.
pub(super) fn media(material: &Material) -> Result<ArtifactMeta, Refused> {
    // A decoder that breaks down costs this file alone.
    catch_unwind(AssertUnwindSafe(|| look(material)))
        .unwrap_or_else(|_| Err(Refused::ForNow("The file is damaged: its decoder broke down.".to_owned())))
}

/// The loudness of a file of sound, for those who draw it.
pub(crate) fn sound(meta: &ArtifactMeta) -> Option<&[f32]> {
    match meta {
        ArtifactMeta::Audio { peaks, .. } => Some(peaks),
        _ => None,
    }
}

fn look(material: &Material) -> Result<ArtifactMeta, Refused> {
    let length = material.size;
    if let Some(film) = theora(&material.range(0, 4_096)?) {
        return Ok(film);
    }
    let source: Box<dyn MediaSource> = match material.file_reader()? {
        Some(inner) => Box::new(Bytes { inner, length }),
        None => Box::new(Bytes { inner: Cursor::new(material.whole(MOST_WHOLE)?), length }),
    };
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let mut hint = Hint::new();
    if let Some((_, ending)) = material.name().rsplit_once('.') {
        hint.with_extension(&ending.to_ascii_lowercase());
    }
    let mut format = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| {
            let source = if let Error::IoError(source) = &error { Some(source) } else { None };
            Refused::decoder(
                "The file is damaged, or of a format that is not decoded here.".to_owned(),
                source,
            )
        })?;
    let video = format.tracks().iter().find_map(|track| {
        let params = track.codec_params.as_ref()?.video()?;
        Some((u32::from(params.width?), u32::from(params.height?), seconds(track)))
    });
    if let Some((width, height, seconds)) = video {
        return Ok(ArtifactMeta::Video { seconds, width, height });
    }
    let Some(track) = format.default_track(TrackType::Audio) else {
        return Err(Refused::Lasting(
            "There is neither sound nor moving pictures in it that are known here.".to_owned(),
        ));
    };
    let track = track.clone();
    let peaks = if length <= MOST_WHOLE { decoded(&mut *format, &track) } else { Heard::default() };
    let params = track.codec_params.as_ref().and_then(|params| params.audio());
    let rate = params.and_then(|params| params.sample_rate).unwrap_or(peaks.rate);
    let channels = params
        .and_then(|params| params.channels.as_ref())
        .map_or(peaks.channels, |channels| channels.count() as u32);
    let heard = if rate > 0 { Some(peaks.frames as f64 / f64::from(rate)) } else { None };
    let seconds = match (seconds(&track), heard) {
        (Some(seconds), _) if seconds.is_finite() && seconds > 0.0 => seconds,
        (_, Some(heard)) if peaks.is_whole => heard,
        _ => 0.0,
    };
    Ok(ArtifactMeta::Audio { seconds, channels, rate, peaks: peaks.levels() })
}

/// The size of a film in Ogg, whose pictures are not looked at otherwise: its first pages hold the heads of its streams,
/// of which that of Theora says it (Theora specification, section 6.2).
fn theora(start: &[u8]) -> Option<ArtifactMeta> {
    if !start.starts_with(b"OggS") {
        return None;
    }
    let at = start.windows(7).position(|window| window == b"\x80theora")?;
    let number = |from: usize| {
        let [high, middle, low] = start.get(at + from..at + from + 3)?.first_chunk::<3>().copied()?;
        Some(u32::from_be_bytes([0, high, middle, low]))
    };
    let (width, height) = (number(14)?, number(17)?);
    (width > 0 && height > 0).then_some(ArtifactMeta::Video { seconds: None, width, height })
}

fn seconds(track: &Track) -> Option<f64> {
    Some(track.time_base?.calc_duration(track.duration?)?.as_secs_f64())
}

/// What was heard of a track.
#[derive(Default)]
struct Heard {
    /// The loudest sample of each stretch.
    peaks: Vec<f32>,
    /// Frames of one stretch; doubled whenever there are too many stretches.
    stretch: u64,
    /// Frames in the last stretch.
    filled: u64,
    frames: u64,
    rate: u32,
    channels: u32,
    is_whole: bool,
}

impl Heard {
    fn frame(&mut self, level: f32) {
        if self.peaks.is_empty() || self.filled == self.stretch {
            if self.peaks.len() == 2 * MOST_PEAKS {
                self.peaks = self.peaks.chunks(2).map(loudest).collect();
                self.stretch *= 2;
            }
            self.peaks.push(0.0);
            self.filled = 0;
        }
        self.filled += 1;
        self.frames += 1;
        if let Some(last) = self.peaks.last_mut() {
            *last = last.max(level);
        }
    }

    fn levels(&self) -> Vec<f32> {
        let per = self.peaks.len().div_ceil(MOST_PEAKS).max(1);
        let rounded = |level: f32| (level.clamp(0.0, 1.0) * 1_000.0).round() / 1_000.0;
        self.peaks.chunks(per).map(|levels| rounded(loudest(levels))).collect()
    }
}

fn loudest(levels: &[f32]) -> f32 {
    levels.iter().copied().fold(0.0, f32::max)
}

fn decoded(format: &mut dyn FormatReader, track: &Track) -> Heard {
    let mut heard = Heard { stretch: 64, ..Heard::default() };
    let Some(params) = track.codec_params.as_ref().and_then(|params| params.audio()) else { return heard };
    let Ok(mut decoder) =
        symphonia::default::get_codecs().make_audio_decoder(params, &AudioDecoderOptions::default())
    else {
        return heard;
    };
    let until = Instant::now() + MOST_TIME;
    let mut samples: Vec<f32> = Vec::new();
    loop {
        if Instant::now() > until {
            return heard;
        }
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                heard.is_whole = true;
                return heard;
            }
            Err(_) => return heard,
        };
        if packet.track_id != track.id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(buffer) => {
                heard.rate = buffer.spec().rate();
                let channels = buffer.spec().channels().count().max(1);
                heard.channels = channels as u32;
                buffer.copy_to_vec_interleaved(&mut samples);
                for frame in samples.chunks(channels) {
                    heard.frame(frame.iter().fold(0.0, |level, sample| f32::max(level, sample.abs())));
                }
            }
            Err(Error::DecodeError(_)) => {}
            Err(_) => return heard,
        }
    }
}
