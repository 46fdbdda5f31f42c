//! The commands: what each takes, and how its end becomes an exit code.
//!
//! 0: done. 1: done, and something is wrong (`doctor`, `healthcheck`). 2: a setting or argument is wrong, or the command
//! could not do its work; one line on standard error says what.

mod api_key;
mod backup;
mod doctor;
mod healthcheck;
mod quickstart;
mod serve;
mod sign_in;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{Config, Settings, settings};
use crate::startup::StartError;

const FAILED: u8 = 2;

/// Runs the command that `args` name, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(e) => {
            // Help and version are no errors, and clap writes them to standard output.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { FAILED } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail(&StartError::Other(format!("the runtime cannot start: {e}"))),
    };
    let code = runtime.block_on(dispatch(&matches));
    // Nothing is left to wait for: a blocked DNS lookup must not hold the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}

/// The whole command line.
pub fn command() -> Command {
    let with_settings =
        |name: &'static str, about: &'static str| Settings::add_args(Command::new(name).about(about));
    let file = |help: &'static str| Arg::new("file").value_name("FILE").required(true).help(help);
    let name = || {
        Arg::new("name")
            .long("name")
            .value_name("NAME")
            .required(true)
            .help("Whose password: who signs in with it")
    };
    Command::new("certctl")
        .about("A private certificate authority that speaks ACME")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_settings("serve", "Run the server"))
        .subcommand(
            with_settings("quickstart", "Start a CA on this machine and obtain a first certificate from it")
                .arg(
                    Arg::new("domain")
                        .long("domain")
                        .value_name("NAME")
                        .default_value("hello.internal")
                        .help("The name of the first certificate; a name under .internal"),
                )
                .arg(
                    Arg::new("once")
                        .long("once")
                        .action(ArgAction::SetTrue)
                        .help("Stop after the certificate instead of serving on"),
                ),
        )
        .subcommand(with_settings("migrate", "Bring the database schema up to date"))
        .subcommand(with_settings(
            "doctor",
            "Check settings, database, keys, clock and port, and say what to do",
        ))
        .subcommand(with_settings("healthcheck", "Ask the server that runs with these settings whether it is ready"))
        .subcommand(
            Command::new("api-key")
                .about("Manage API keys")
                .subcommand_required(true)
                .subcommand(api_key::with_args(with_settings("create", "Create an API key and print it"))),
        )
        .subcommand(with_settings("login-link", "Print a link that signs the first administrator in, once"))
        .subcommand(
            Command::new("break-glass")
                .about("Manage passwords for the day on which the identity provider is down")
                .subcommand_required(true)
                .subcommand(
                    with_settings(
                        "set-password",
                        "Give a local administrator a password: a line of standard input, 14 characters or more",
                    )
                    .arg(name())
                    .arg(
                        Arg::new("generate")
                            .long("generate")
                            .action(ArgAction::SetTrue)
                            .help("Make a password up and print it instead"),
                    ),
                )
                .subcommand(
                    with_settings("remove", "Take a local administrator's password away").arg(name()),
                ),
        )
        .subcommand(
            with_settings("backup", "Write a consistent copy of the SQLite database, also while serving")
                .arg(file("The file to write; it must not exist"))
                .arg(
                    Arg::new("keep-days")
                        .long("keep-days")
                        .value_name("DAYS")
                        .value_parser(clap::value_parser!(u64).range(1..=36_500))
                        .help("Afterwards remove older databases from the file's folder that end like it"),
                ),
        )
        .subcommand(
            with_settings("restore", "Put a backup in place of the SQLite database of a stopped server")
                .arg(file("The backup to read"))
                .arg(
                    Arg::new("force")
                        .long("force")
                        .action(ArgAction::SetTrue)
                        .help("Replace a database that exists; it is kept beside the new one"),
                ),
        )
        .subcommand(Command::new("settings").about("Print the reference page of all settings (Markdown)"))
        .subcommand(Command::new("version").about("Print the version"))
}

async fn dispatch(matches: &ArgMatches) -> ExitCode {
    let Some((name, sub)) = matches.subcommand() else { return ExitCode::from(FAILED) };
    let done = match name {
        "serve" => serve::run(&Settings::from_matches(sub)).await,
        "quickstart" => quickstart::run(sub, Settings::from_matches(sub)).await,
        "migrate" => migrate(&Settings::from_matches(sub)).await,
        "doctor" => return doctor::run(&Settings::from_matches(sub)).await,
        "healthcheck" => return healthcheck::run(&Settings::from_matches(sub)).await,
        "api-key" => match sub.subcommand() {
            Some((_, create)) => api_key::create(create, &Settings::from_matches(create)).await,
            None => return ExitCode::from(FAILED),
        },
        "login-link" => sign_in::login_link(&Settings::from_matches(sub)).await,
        "break-glass" => match sub.subcommand() {
            Some(("set-password", set)) => sign_in::set_password(set, &Settings::from_matches(set)).await,
            Some((_, remove)) => sign_in::remove_password(remove, &Settings::from_matches(remove)).await,
            None => return ExitCode::from(FAILED),
        },
        "backup" => backup::backup(sub, &Settings::from_matches(sub)).await,
        "restore" => backup::restore(sub, &Settings::from_matches(sub)).await,
        "settings" => {
            print!("{}", settings::reference_page());
            Ok(())
        }
        _ => {
            println!("certctl {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}

fn fail(error: &StartError) -> ExitCode {
    // One line, whatever the cause had in it.
    let line = error.to_string().replace('\n', " ");
    eprintln!("certctl: {line}");
    ExitCode::from(FAILED)
}

async fn migrate(settings: &Settings) -> Result<(), StartError> {
    let config = Config::from_settings(settings)?;
    config.log.install();
    if let crate::config::DatabaseLocation::Sqlite(path) = &config.database.location
        && let Some(directory) = path.parent()
    {
        std::fs::create_dir_all(directory)
            .map_err(|e| StartError::Other(format!("`{}` cannot be made: {e}", directory.display())))?;
    }
    let store = crate::startup::connect(&config.database).await?;
    store.migrate().await?;
    println!("The database schema is up to date.");
    Ok(())
}

/// The file argument of `backup` and `restore`.
fn file_argument(matches: &ArgMatches) -> std::path::PathBuf {
    matches.get_one::<String>("file").map(Into::into).unwrap_or_default()
}
