//! Every way in which a request can fail, by kind, and the one translation of a kind to what a client sees.

use std::borrow::Cow;
use std::fmt::Display;

use acme::{Problem, ProblemType};
use http::StatusCode;
use model::RateLimit;
use serde::Serialize;
use store::StoreError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Refused in the words of ACME (RFC 8555 §6.7).
    #[error("{}", .0.detail)]
    Acme(Problem),
    /// The resource has changed, or its state forbids the change.
    #[error("{0}")]
    Conflict(String),
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// It was there once and never will be again.
    #[error("{0}")]
    Gone(String),
    /// Something that should not happen did. Logged, never shown.
    #[error("{0}")]
    Internal(String),
    /// Fields of a write that were refused, each with the reason.
    #[error("{}", summary(.0))]
    Invalid(Vec<FieldError>),
    #[error("there is no {0}")]
    NotFound(Cow<'static, str>),
    /// Turned away before any work was done, because there is too much of it.
    #[error("the server is busy; try again soon")]
    Overloaded,
    /// The request was conditional (RFC 9110 §13) and the condition does not hold.
    #[error("{0}")]
    PreconditionFailed(String),
    /// More than a limit allows; the problem says which, of whom, and until when.
    #[error("{detail}")]
    RateLimited {
        limit: RateLimit,
        detail: String,
        /// Seconds.
        retry_after: u64,
    },
    /// Too many attempts to sign in from one network.
    #[error("too many attempts from your network; try again in {} minutes", retry_after.div_ceil(60))]
    TooManyAttempts {
        /// Seconds.
        retry_after: u64,
    },
    #[error("{0}")]
    Unauthenticated(String),
    /// It can be tried again soon; nothing was done.
    #[error("{0}")]
    Unavailable(String),
}

/// A field of a JSON body or query, as its writer knows it, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    pub field: String,
    pub reason: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

fn summary(fields: &[FieldError]) -> String {
    fields.iter().map(|f| format!("{}: {}", f.field, f.reason)).collect::<Vec<_>>().join("; ")
}

impl Error {
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, reason)])
    }

    pub fn not_found(what: impl Into<Cow<'static, str>>) -> Self {
        Self::NotFound(what.into())
    }

    /// `what` has changed since the version that a write is meant to replace was read. `now_at`: its present version; a
    /// write that another one came before does not know it.
    pub fn outdated(what: impl Display, now_at: Option<i64>) -> Self {
        let now_at = now_at.map(|version| format!(" (now at version {version})")).unwrap_or_default();
        Self::PreconditionFailed(format!("{what}{now_at} was changed since you read it; read it again"))
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Acme(p) => StatusCode::from_u16(p.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Gone(_) => StatusCode::GONE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
            Self::RateLimited { .. } | Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Overloaded | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What may be said to the client. Never the inside of an [`Error::Internal`].
    pub fn public_detail(&self) -> String {
        match self {
            Self::Internal(_) => "an internal error; the request id leads to its log entry".to_owned(),
            Self::Unavailable(_) => "the server cannot do this right now; try again soon".to_owned(),
            other => other.to_string(),
        }
    }

    /// The problem document of an ACME answer (RFC 8555 §6.7).
    pub fn into_acme_problem(self) -> Problem {
        let status = self.status().as_u16();
        let detail = self.public_detail();
        let kind = match self {
            Self::Acme(problem) => return problem,
            Self::Conflict(_)
            | Self::Gone(_)
            | Self::Invalid(_)
            | Self::NotFound(_)
            | Self::PreconditionFailed(_) => ProblemType::Malformed,
            Self::Forbidden(_) | Self::Unauthenticated(_) => ProblemType::Unauthorized,
            Self::RateLimited { .. } | Self::TooManyAttempts { .. } => ProblemType::RateLimited,
            Self::Internal(_) | Self::Overloaded | Self::Unavailable(_) => ProblemType::ServerInternal,
        };
        Problem::new(kind, detail).with_status(status)
    }

    /// The type of an API answer (RFC 9457 §3.1.1).
    pub fn api_type(&self) -> &'static str {
        match self {
            Self::Acme(p) => p.kind.urn(),
            Self::Conflict(_) => "urn:certctl:error:conflict",
            Self::Forbidden(_) => "urn:certctl:error:forbidden",
            Self::Gone(_) => "urn:certctl:error:gone",
            Self::Internal(_) => "urn:certctl:error:internal",
            Self::Invalid(_) => "urn:certctl:error:invalid",
            Self::NotFound(_) => "urn:certctl:error:not-found",
            Self::Overloaded => "urn:certctl:error:overloaded",
            Self::PreconditionFailed(_) => "urn:certctl:error:precondition-failed",
            Self::RateLimited { .. } => ProblemType::RateLimited.urn(),
            Self::TooManyAttempts { .. } => "urn:certctl:error:too-many-attempts",
            Self::Unauthenticated(_) => "urn:certctl:error:unauthenticated",
            Self::Unavailable(_) => "urn:certctl:error:unavailable",
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Acme(problem)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            StoreError::Conflict => {
                Self::Conflict("it was changed by somebody else at the same time".to_owned())
            }
            StoreError::Duplicate { what } => Self::Conflict(format!("{what} exists already")),
            other => Self::Internal(other.to_string()),
        }
    }
}
