//! What pages show: ready texts, no secrets.

mod access;
mod accounts;
mod api_keys;
mod atoms;
mod audit;
mod break_glass;
mod bulk_actions;
mod certificates;
mod eab_keys;
mod issuers;
mod list;
mod orders;
mod overview;
mod profile_form;
mod profile_tools;
mod profiles;
mod providers;
mod rate_limits;
mod roles;
mod sessions;
mod start;
mod system;
mod users;

pub use crate::components::Alternative;
pub use access::{AccountView, Held, ProviderLink, SignInView};
pub use accounts::{AcmeAccountRow, AcmeAccountView, LimitRow, RefusedRequest, StandstillView};
pub use api_keys::{ApiKeyRow, ApiKeyView, NewApiKeyView};
pub use atoms::{ActionLink, Badge, Link, Moment, Revoked, Tone};
pub use audit::{AuditEventView, AuditRow, Change};
pub use break_glass::{BreakGlassView, PasswordRow};
pub use bulk_actions::{BulkActionRow, BulkActionView, CertificatesView, NewBulkActionView, SelectionView};
pub use certificates::{CertificateRow, CertificateView, ChainLink, Download, RenewNowView, RevocationView};
pub use eab_keys::{EabKeyRow, EabKeyView, NewEabKeyView};
pub use issuers::{IssuerRow, IssuerView};
pub use list::{Choice, Filter, FilterKind, ListView};
pub use orders::{
    AuthorizationRow, Event, ExplanationView, OrderRow, OrderView, ProblemView, RefusedOrderRow,
};
pub use overview::{Attention, End, Figure, FiguresView, OverviewView};
pub use profile_form::{FieldChange, LostUpdate, ProfileFormView};
pub use profile_tools::{
    HistoryView, LeafField, PreviewAnswer, PreviewName, PreviewView, ProfileUseView, VersionRow,
};
pub use profiles::{ClientGuide, ConnectView, ProfileRow, ProfileView, Snippet, WhatIsIssued, WhoMayAsk};
pub use providers::{
    CheckRow, MappingsView, ProviderFormView, ProviderRow, ProviderTestView, ProviderView, RegisterView,
};
pub use rate_limits::{AllowedRow, LimitField, RateLimitsForm, RateLimitsView, UsageRow};
pub use roles::{Holder, PermissionRow, RoleColumn, RoleFormView, RoleView, RolesView, SubjectRows};
pub use sessions::SessionRow;
pub use start::{AcmeView, Anchor, StartView, TrustView};
pub use system::{DatabaseView, JobRow, SettingRow, SettingValue, SystemView};
pub use users::{GrantChoices, GrantLine, GrantsView, HeldRole, UserRow, UserView};
