//! A long body, compressed as it goes.

use std::future::Future;
use std::io::{Error, Result, Write};

use axum::body::{Body, Bytes};
use flate2::write::GzEncoder;
use futures::stream;
use serde::Deserialize;
use utoipa::ToSchema;
use zstd::stream::write::Encoder as ZstdEncoder;

use super::stream::LogReader;
use crate::api::request::within;

/// As in the store: little time for most of the gain.
const ZSTD_LEVEL: i32 = 3;
/// Pieces up to this many bytes are compressed where they are; larger ones on a thread for such work.
const INLINE_MAX: usize = 16 * 1024;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Packing {
    /// What is put behind the name of a file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// Its media type, if it has one of its own.
    pub fn content_type(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("application/gzip"),
            Self::Zstd => Some("application/zstd"),
        }
    }
}

/// Something that gives its bytes piece by piece, each when it is asked for.
pub trait Pieces: Send + 'static {
    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;
}

impl Pieces for LogReader {
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send {
        Self::next(self)
    }
}

/// All pieces as a body. What is sent is made when the client takes it: a slow client costs one piece of memory.
pub fn packed(pieces: impl Pieces, packing: Packing) -> Result<Body> {
    let packer = Packer::new(packing)?;
    let body = stream::try_unfold((pieces, Some(packer)), |(mut pieces, mut packer)| {
        within(async move {
            while let Some(open) = packer.take() {
                let out = if let Some(piece) = pieces.next().await? {
                    let (open, out) = open.push(piece).await?;
                    packer = Some(open);
                    out
                } else {
                    open.finish()?
                };
                if !out.is_empty() {
                    return Ok(Some((out, (pieces, packer))));
                }
            }
            Ok::<_, Error>(None)
        })
    });
    Ok(Body::from_stream(body))
}

enum Packer {
    Plain,
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Zstd(Box<ZstdEncoder<'static, Vec<u8>>>),
}

impl Packer {
    fn new(packing: Packing) -> Result<Self> {
        Ok(match packing {
            Packing::None => Self::Plain,
            Packing::Gzip => Self::Gzip(Box::new(GzEncoder::new(Vec::new(), flate2::Compression::default()))),
            Packing::Zstd => Self::Zstd(Box::new(ZstdEncoder::new(Vec::new(), ZSTD_LEVEL)?)),
        })
    }

    /// Takes a piece and gives what is ready, perhaps nothing yet.
    async fn push(self, piece: Bytes) -> Result<(Self, Bytes)> {
        if piece.len() <= INLINE_MAX || matches!(self, Self::Plain) {
            return self.push_here(piece);
        }
        tokio::task::spawn_blocking(move || self.push_here(piece)).await.map_err(Error::other)?
    }

    fn push_here(mut self, piece: Bytes) -> Result<(Self, Bytes)> {
        let out = match &mut self {
            Self::Plain => piece,
            Self::Gzip(encoder) => {
                encoder.write_all(&piece)?;
                std::mem::take(encoder.get_mut()).into()
            }
            Self::Zstd(encoder) => {
                encoder.write_all(&piece)?;
                std::mem::take(encoder.get_mut()).into()
            }
        };
        Ok((self, out))
    }

    fn finish(self) -> Result<Bytes> {
        Ok(match self {
            Self::Plain => Bytes::new(),
            Self::Gzip(encoder) => encoder.finish()?.into(),
            Self::Zstd(encoder) => encoder.finish()?.into(),
        })
    }
}
