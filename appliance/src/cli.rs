//! The command line. It holds no rules: it turns words into requests of the admin API and answers into text.
//!
//! Every change says what it did (`created`, `changed`, `removed`, `unchanged`) and leaves with 0 when nothing was to do.
//! Results go to stdout, everything else to stderr.

mod app;
mod app_claim;
mod app_doctor;
mod app_registration;
mod app_settings;
mod app_show;
mod app_trial;
mod attributes;
mod audit;
mod backup;
mod certificate;
mod claim;
mod completions;
mod console;
mod demo;
mod domain_move;
mod domain_name;
mod failure;
mod group;
mod health;
mod key;
mod output;
mod panel;
mod person;
mod person_credential;
mod person_files;
mod provision;
pub(crate) mod qr;
mod serve;
mod service_account;
mod session;
mod shell;
mod status;
mod time;
mod update;
mod value;

use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use domain::entropy::Entropy;
use domain::time::Timestamp;

use output::Format;
use shell::Shell;

/// Where the server of an appliance listens for the command line.
pub(crate) const DEFAULT_SOCKET: &str = "/var/lib/latchkey/control/latchkey.sock";

const ABOUT: &str = "Latchkey, the identity provider of your home";

const AFTER_HELP: &str = "\
Examples:
  latchkey person create anna --display-name \"Anna Bauer\" --invite
  latchkey group add family anna
  latchkey app create jellyfin --redirect-uri https://jellyfin.home/sso/OID/redirect/latchkey --allow family
  latchkey status";

const AFTER_LONG_HELP: &str = "\
Examples:
  latchkey person create anna --display-name \"Anna Bauer\" --invite
  latchkey group add family anna
  latchkey app create jellyfin --redirect-uri https://jellyfin.home/sso/OID/redirect/latchkey --allow family
  latchkey status
  latchkey --url https://id.example.net --token-file ~/.latchkey-token person list

Exit codes:
  0  done, or nothing was to do
  1  refused: not possible in the present state, or something on this machine failed
  2  the command or a value in it is wrong
  3  the server cannot be reached
  4  there is nothing of that name
  5  not allowed, or the token is not good
  6  the server is busy or failed; try again";

/// The words of the command line.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, about = ABOUT, after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    connection: Connection,

    /// How results are printed: for people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Table, global = true, value_name = "FORMAT", display_order = 900)]
    output: Format,

    #[command(subcommand)]
    command: Command,
}

/// How the server is reached: through the control socket of this machine, or from afar with a token.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The server's control socket, on the machine where it runs
    #[arg(long, env = "LATCHKEY_SOCKET", default_value = DEFAULT_SOCKET, hide_env_values = true, global = true, value_name = "PATH")]
    #[arg(help_heading = "Connection")]
    socket: PathBuf,

    /// The server's address, to work from another machine; needs --token-file
    #[arg(
        long,
        env = "LATCHKEY_URL",
        hide_env_values = true,
        global = true,
        value_name = "URL",
        help_heading = "Connection"
    )]
    url: Option<String>,

    /// A file that holds an API token of a service account
    #[arg(
        long,
        env = "LATCHKEY_TOKEN_FILE",
        hide_env_values = true,
        global = true,
        value_name = "FILE",
        help_heading = "Connection"
    )]
    token_file: Option<PathBuf>,

    /// A file with the certificates to trust instead of those of the system
    #[arg(
        long,
        env = "LATCHKEY_CA_FILE",
        hide_env_values = true,
        global = true,
        value_name = "FILE",
        help_heading = "Connection"
    )]
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The people of the house
    #[command(subcommand, arg_required_else_help = true, visible_alias = "people")]
    Person(person::Verb),
    /// Groups of people, of service accounts and of groups
    #[command(subcommand, arg_required_else_help = true)]
    Group(group::Verb),
    /// Accounts for programs, and their API tokens
    #[command(subcommand, arg_required_else_help = true)]
    ServiceAccount(service_account::Verb),
    /// The apps that people sign in to
    #[command(subcommand, arg_required_else_help = true)]
    App(app::Verb),
    /// The name of the house
    #[command(subcommand, arg_required_else_help = true)]
    Domain(domain_name::Verb),
    /// The browsers that are signed in
    #[command(subcommand, arg_required_else_help = true)]
    Session(session::Verb),
    /// The keys that sign tokens
    #[command(subcommand, arg_required_else_help = true)]
    Key(key::Verb),
    /// The certificate that browsers are shown
    #[command(subcommand, arg_required_else_help = true)]
    Cert(certificate::Verb),
    /// The LED and the button of the box
    Panel(panel::Panel),
    /// Show the one-time code with which a browser claims this box
    Claim(claim::Claim),
    /// Serve the menu of the box on a serial port, or on the terminal that it is started on
    Console(console::Console),
    /// Show the server's clock and how far it can be trusted
    Time(time::TimeCommand),
    /// Show how the house is
    Status(status::Status),
    /// Copies of the database
    #[command(subcommand, arg_required_else_help = true)]
    Backup(backup::Verb),
    /// Show whether the box works
    Health(health::Health),
    /// New versions of the whole system of this box
    #[command(arg_required_else_help = true)]
    Update(update::UpdateCommand),
    /// Show who did what, on whom, from where and when
    Audit(audit::Audit),
    /// The file that tells a new box what it needs to know
    #[command(subcommand, arg_required_else_help = true)]
    Provision(provision::Verb),
    /// Run the server, until it is told to stop
    Serve(serve::Serve),
    /// Serve a household to play with on this machine, until Ctrl-C
    Demo(demo::Demo),
    /// Print completions for your shell
    Completions(completions::Completions),
}

/// What the command line stands on: its streams, the time and chance.
pub struct Terminal<'a> {
    /// For results.
    pub out: &'a mut dyn Write,
    /// For everything else.
    pub err: &'a mut dyn Write,
    /// For answers to questions.
    pub input: &'a mut (dyn BufRead + Send),
    /// Whether somebody is there to answer.
    pub interactive: bool,
    /// Whether results go to a screen.
    pub screen: bool,
    /// How many characters a line holds, where that is known.
    pub width: Option<u16>,
    /// What time it is.
    pub now: Timestamp,
    /// Random bytes.
    pub entropy: &'a dyn Entropy,
}

/// Runs one command; the number is its exit code.
pub fn run(words: impl IntoIterator<Item = OsString>, terminal: &mut Terminal<'_>) -> u8 {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(said) => return say(&said, terminal),
    };
    let Cli { connection, output, command } = cli;
    let mut shell = Shell::new(connection, output, terminal);
    let ended = match command {
        Command::Person(verb) => verb.run(&mut shell),
        Command::Group(verb) => verb.run(&mut shell),
        Command::ServiceAccount(verb) => verb.run(&mut shell),
        Command::App(verb) => verb.run(&mut shell),
        Command::Domain(verb) => verb.run(&mut shell),
        Command::Session(verb) => verb.run(&mut shell),
        Command::Key(verb) => verb.run(&mut shell),
        Command::Cert(verb) => verb.run(&mut shell),
        Command::Panel(panel) => panel.run(&mut shell),
        Command::Claim(claim) => claim.run(&mut shell),
        Command::Console(console) => console.run(&mut shell),
        Command::Time(time) => time.run(&mut shell),
        Command::Status(status) => status.run(&mut shell),
        Command::Backup(verb) => verb.run(&mut shell),
        Command::Health(health) => health.run(&mut shell),
        Command::Update(update) => update.run(&mut shell),
        Command::Audit(audit) => audit.run(&mut shell),
        Command::Provision(verb) => verb.run(&mut shell),
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(shell.terminal),
        Command::Completions(completions) => completions.run(&mut shell),
    };
    match ended {
        Ok(()) => 0,
        Err(failure) => failure.report(terminal),
    }
}

/// Help and version go to stdout and are no failure; what is wrong with the words goes to stderr.
fn say(said: &clap::Error, terminal: &mut Terminal<'_>) -> u8 {
    let text = said.render();
    let written = if said.use_stderr() { write!(terminal.err, "{text}") } else { write!(terminal.out, "{text}") };
    // Nobody is left to be told that nobody listens.
    drop(written);
    if said.use_stderr() { failure::USAGE } else { 0 }
}

/// The exit code for the operating system.
pub fn exit(code: u8) -> ExitCode {
    ExitCode::from(code)
}

#[cfg(test)]
mod help_tests;
