//! The tools that Corral is measured beside.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use corral_tests::bench::machines::Machines;
use corral_tests::bench::process;
use corral_tests::sshd::Sshd;

use crate::{AT_ONCE, Sample};

/// What a tool was measured at: on fresh connections or on those that are there.
pub type Measured = Vec<(&'static str, Result<Sample>)>;

const COLD: &str = "cold";
const WARM: &str = "warm";
const LIBRARY: &str = include_str!("library.py");

/// How a tool is used.
#[derive(Clone, Copy)]
enum Way {
    Clush,
    Pssh,
    Ansible,
    Pyinfra,
    /// A library of Python, by a small program of ours.
    Library(&'static str),
}

/// A tool that is installed.
pub struct Other {
    /// As people call it.
    pub name: &'static str,
    /// What it says of its version.
    pub version: String,
    program: PathBuf,
    way: Way,
}

struct Known {
    name: &'static str,
    /// The program, and another name that it goes by.
    programs: [&'static str; 2],
    version: &'static [&'static str],
    way: Way,
    install: &'static str,
}

const KNOWN: [Known; 6] = [
    Known {
        name: "clush",
        programs: ["clush", "clush"],
        version: &["--version"],
        way: Way::Clush,
        install: "apt-get install clustershell, or pip install ClusterShell",
    },
    Known {
        name: "pssh",
        programs: ["parallel-ssh", "pssh"],
        version: &["--version"],
        way: Way::Pssh,
        install: "apt-get install pssh",
    },
    Known {
        name: "ansible",
        programs: ["ansible", "ansible"],
        version: &["--version"],
        way: Way::Ansible,
        install: "pip install ansible-core",
    },
    Known {
        name: "pyinfra",
        programs: ["pyinfra", "pyinfra"],
        version: &["--version"],
        way: Way::Pyinfra,
        install: "pip install pyinfra",
    },
    Known {
        name: "parallel-ssh",
        programs: ["python3", "python"],
        version: &["-c", "import pssh, importlib.metadata as m; print(m.version('parallel-ssh'))"],
        way: Way::Library("pssh"),
        install: "pip install parallel-ssh",
    },
    Known {
        name: "asyncssh",
        programs: ["python3", "python"],
        version: &["-c", "import asyncssh; print(asyncssh.__version__)"],
        way: Way::Library("asyncssh"),
        install: "pip install asyncssh",
    },
];

/// A tool that is missing, and what installs it.
pub type Missing = (&'static str, &'static str);

/// The tools that are there, and those that are not with what installs them. They are looked for in `CORRAL_BENCH_VENV` and then
/// on the path.
pub fn installed(machines: &Machines) -> Result<(Vec<Other>, Vec<Missing>)> {
    std::fs::write(machines.scratch().join("library.py"), LIBRARY)?;
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for known in KNOWN {
        match known.programs.iter().flat_map(|name| process::places(name)).find_map(|program| of(&known, program)) {
            Some(other) => there.push(other),
            None => missing.push((known.name, known.install)),
        }
    }
    Ok((there, missing))
}

fn of(known: &Known, program: PathBuf) -> Option<Other> {
    let output = Command::new(&program).args(known.version).output().ok().filter(|output| output.status.success())?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find(|line| line.contains(|c: char| c.is_ascii_digit()))?;
    let number = |word: &&str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    let version = line.split([' ', '[', ']']).find(number).unwrap_or(line).trim_start_matches('v').to_owned();
    Some(Other { name: known.name, version, program, way: known.way })
}

impl Other {
    /// Runs it once, cold and, where it can keep connections, warm.
    pub fn measure(&self, machines: &Machines, n: usize) -> Measured {
        match self.way {
            Way::Clush | Way::Pssh | Way::Pyinfra => vec![(COLD, self.once(machines, n, None))],
            Way::Ansible => {
                let control = machines.scratch().join("control");
                let cold = self.once(machines, n, None);
                // The first leaves its connections behind for the second.
                let warm = self.once(machines, n, Some(&control)).and_then(|_| self.once(machines, n, Some(&control)));
                close_all(&control);
                vec![(COLD, cold), (WARM, warm)]
            }
            Way::Library(library) => self.library(machines, n, library),
        }
    }

    fn once(&self, machines: &Machines, n: usize, control: Option<&Path>) -> Result<Sample> {
        let command = self.command(machines, n, control)?;
        let masters = |control: &Path| process::cpu_of_those_with(&control.display().to_string());
        let before = (machines.cpu(), control.map_or(0.0, masters));
        let ended = process::run(command)?;
        Ok(Sample {
            wall: ended.wall,
            // Processes that keep connections are nobody's children.
            client_cpu: ended.cpu + control.map_or(0.0, masters) - before.1,
            sshd_cpu: machines.cpu() - before.0,
            memory: ended.memory,
        })
    }

    fn command(&self, machines: &Machines, n: usize, control: Option<&Path>) -> Result<Command> {
        let mut command = Command::new(&self.program);
        let (addresses, at_once) = (Machines::addresses(n), AT_ONCE.to_string());
        let ssh = machines.ssh_options();
        let file = machines.scratch().join(format!("hosts-{n}"));
        match self.way {
            Way::Clush => {
                std::fs::write(&file, addresses.join("\n"))?;
                command.args(["-q", "-S", "-f", &at_once, "-o", &ssh.join(" "), "--hostfile"]).arg(file).arg("true");
            }
            Way::Pssh => {
                std::fs::write(&file, addresses.join("\n"))?;
                command.args(["-p", &at_once, "-t", "300", "-x", &ssh.join(" "), "-h"]).arg(file).arg("true");
            }
            Way::Ansible => {
                std::fs::write(&file, addresses.join("\n"))?;
                let mut args = ssh.join(" ");
                match control {
                    None => args.push_str(" -o ControlMaster=no -o ControlPath=none"),
                    Some(folder) => {
                        std::fs::create_dir_all(folder)?;
                        let _ = write!(
                            args,
                            " -o ControlMaster=auto -o ControlPersist=300 -o ControlPath={}/%h",
                            folder.display()
                        );
                    }
                }
                command.args(["all", "-i"]).arg(file).args(["-m", "raw", "-a", "true", "-f", &at_once]);
                command.env("ANSIBLE_SSH_ARGS", args).env("ANSIBLE_HOST_KEY_CHECKING", "False");
                command.env("ANSIBLE_LOCAL_TEMP", machines.scratch().join("ansible"));
            }
            Way::Pyinfra => {
                let file = file.with_extension("py");
                let data = format!(
                    "{{'ssh_port': {}, 'ssh_user': '{}', 'ssh_key': '{}', 'ssh_strict_host_key_checking': 'off'}}",
                    machines.port(),
                    Sshd::user(),
                    machines.key().display()
                );
                let hosts: Vec<String> = addresses.iter().map(|address| format!("('{address}', {data})")).collect();
                std::fs::write(&file, format!("hosts = [{}]\n", hosts.join(", ")))?;
                command.args(["-y", "--parallel", &at_once]).arg(file).args(["exec", "--", "true"]);
            }
            Way::Library(_) => {}
        }
        Ok(command)
    }

    /// The program runs the command twice over the same connections and says of each what it took: what it imports before is not
    /// counted.
    fn library(&self, machines: &Machines, n: usize, library: &str) -> Measured {
        match self.library_once(machines, n, library) {
            Ok((cold, warm)) => vec![(COLD, Ok(cold)), (WARM, Ok(warm))],
            Err(error) => vec![(COLD, Err(error))],
        }
    }

    fn library_once(&self, machines: &Machines, n: usize, library: &str) -> Result<(Sample, Sample)> {
        let file = machines.scratch().join(format!("hosts-{n}"));
        std::fs::write(&file, Machines::addresses(n).join("\n"))?;
        let mut command = Command::new(&self.program);
        command.arg(machines.scratch().join("library.py")).arg(library).arg(file).arg(machines.port().to_string());
        command.arg(Sshd::user()).arg(machines.key()).arg(AT_ONCE.to_string());
        command.arg(machines.pid().to_string());
        let ended = process::run(command)?;
        let line = ended.output.lines().rev().find(|line| line.starts_with('[')).context("it wrote no figures")?;
        let figures: [[f64; 3]; 2] = serde_json::from_str(line)?;
        let sample =
            |[wall, client_cpu, sshd_cpu]: [f64; 3]| Sample { wall, client_cpu, sshd_cpu, memory: ended.memory };
        Ok((sample(figures[0]), sample(figures[1])))
    }
}

/// Ends the processes that keep Ansible's connections.
fn close_all(control: &Path) {
    for socket in std::fs::read_dir(control).into_iter().flatten().flatten() {
        // One that has ended already is as well.
        let _ = Command::new("ssh")
            .arg("-o")
            .arg(format!("ControlPath={}", socket.path().display()))
            .args(["-O", "exit", "x"])
            .output();
    }
}
