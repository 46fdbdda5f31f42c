//! Bodies: bounded in size and time.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;

/// How much more than its limit is read and thrown away. A client that is still writing when the answer comes and
/// the connection closes sees a broken pipe instead of the 413.
const DISCARDED: usize = 4;
/// And for how long.
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body did not arrive whole")]
    Broken,
    #[error("the body took too long to arrive")]
    Slow,
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

impl BodyFault {
    pub fn status(self) -> u16 {
        match self {
            Self::Broken => 400,
            Self::Slow => 408,
            Self::TooLarge { .. } => 413,
        }
    }
}

/// Reads a whole body of at most `limit` bytes within `time`.
pub async fn read(mut body: Body, limit: usize, time: Duration) -> Result<Vec<u8>, BodyFault> {
    let read = async {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() else { continue };
            if bytes.len() + data.len() > limit {
                let _ = tokio::time::timeout(DRAIN_TIME, discard(&mut body, limit.saturating_mul(DISCARDED)))
                    .await;
                return Err(BodyFault::TooLarge { limit });
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    };
    tokio::time::timeout(time, read).await.unwrap_or(Err(BodyFault::Slow))
}

/// Throws away a body that nobody will read, as far as it is short and quick, so that the answer finds a client that
/// is no longer writing.
pub async fn dismiss(mut body: Body) {
    const MOST: usize = 64 * 1024;
    let _ = tokio::time::timeout(DRAIN_TIME, discard(&mut body, MOST)).await;
}

/// Reads on, up to `most` bytes.
async fn discard(body: &mut Body, most: usize) {
    let mut seen = 0;
    while let Some(Ok(frame)) = body.frame().await {
        seen += frame.data_ref().map_or(0, |data| data.len());
        if seen > most {
            return;
        }
    }
}
