use std::net::IpAddr;

use model::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::StoreError;

/// A bound value. The type is known also when there is no value, because PostgreSQL wants to know it.
#[derive(Clone, Debug)]
pub enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    Bytes(Option<Vec<u8>>),
    Time(Option<Timestamp>),
    Json(Option<Box<RawValue>>),
}

impl Value {
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, StoreError> {
        match serde_json::value::to_raw_value(value) {
            Ok(raw) => Ok(Self::Json(Some(raw))),
            Err(e) => Err(StoreError::Database(format!("a value has no JSON form: {e}"))),
        }
    }

    pub fn json_opt<T: Serialize>(value: Option<&T>) -> Result<Self, StoreError> {
        value.map_or(Ok(Self::Json(None)), Self::json)
    }
}

macro_rules! from {
    ($($From:ty => $make:expr;)+) => { $(
        impl From<$From> for Value {
            fn from(value: $From) -> Self {
                let make: fn($From) -> Value = $make;
                make(value)
            }
        }
    )+ };
}

from! {
    &str => |v| Value::Text(Some(v.to_owned()));
    &String => |v| Value::Text(Some(v.clone()));
    String => |v| Value::Text(Some(v));
    &Option<String> => |v| Value::Text(v.clone());
    Option<&str> => |v| Value::Text(v.map(str::to_owned));
    Option<IpAddr> => |v| Value::Text(v.map(|ip| ip.to_string()));
    i64 => |v| Value::Int(Some(v));
    Option<i64> => |v| Value::Int(v);
    bool => Value::Bool;
    &[u8] => |v| Value::Bytes(Some(v.to_vec()));
    &Vec<u8> => |v| Value::Bytes(Some(v.clone()));
    Vec<u8> => |v| Value::Bytes(Some(v));
    &Option<Vec<u8>> => |v| Value::Bytes(v.clone());
    Timestamp => |v| Value::Time(Some(v));
    Option<Timestamp> => Value::Time;
}

macro_rules! from_id {
    ($($Id:ident)+) => { $(
        impl From<&model::$Id> for Value {
            fn from(id: &model::$Id) -> Self { Self::Text(Some(id.as_str().to_owned())) }
        }
        impl From<&Option<model::$Id>> for Value {
            fn from(id: &Option<model::$Id>) -> Self { Self::Text(id.as_ref().map(|id| id.as_str().to_owned())) }
        }
    )+ };
}

from_id! {
    AccountId ApiKeyId AuditEventId AuthorizationId BulkActionId CertificateId EabKeyId IssuerId OrderId ProfileId ProviderId
    RoleId SessionId UserId
}

impl From<&model::RateSubject> for Value {
    fn from(subject: &model::RateSubject) -> Self {
        Self::Text(Some(subject.as_str().to_owned()))
    }
}

macro_rules! from_word {
    ($($Word:ident)+) => { $(
        impl From<model::$Word> for Value {
            fn from(word: model::$Word) -> Self { Self::Text(Some(word.as_str().to_owned())) }
        }
    )+ };
}

from_word! {
    AccountStatus AttemptOutcome AuthorizationStatus BulkActionState ChallengeKind ChallengeStatus IdentifierKind KeyType OrderStatus
    Outcome RateLimit SignInMethod
}

/// The values for `$1`, `$2`, … of a statement.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::Value::from($value)),*] };
}
pub(crate) use args;
