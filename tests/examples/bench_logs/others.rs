//! What Corral is measured beside: tools that bring a file's text here, or look through it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use corral_tests::bench::machines::Machines;
use corral_tests::bench::process;

use crate::scene::Sample;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    SshToNowhere,
    SshToFile,
    Clush,
    Ansible,
}

/// A tool that is installed.
pub struct Other {
    /// What it is called, and where it puts the text.
    pub name: &'static str,
    /// What it says of its version.
    pub version: String,
    program: PathBuf,
    way: Way,
}

/// A tool that is missing, and what installs it.
pub type Missing = (&'static str, &'static str);

/// The tools that are there, and those that are not. They are looked for in `CORRAL_BENCH_VENV` and then on the path.
pub fn installed() -> (Vec<Other>, Vec<Missing>) {
    let known = [
        ("ssh > /dev/null", "ssh", "-V", Way::SshToNowhere, "apt-get install openssh-client"),
        ("ssh > file", "ssh", "-V", Way::SshToFile, "apt-get install openssh-client"),
        ("clush > file", "clush", "--version", Way::Clush, "pip install ClusterShell"),
        ("ansible > file", "ansible", "--version", Way::Ansible, "pip install ansible-core"),
    ];
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for (name, program, says, way, install) in known {
        match process::places(program).into_iter().find_map(|path| Some((version(&path, says)?, path))) {
            Some((version, program)) => there.push(Other { name, version, program, way }),
            None => missing.push((name, install)),
        }
    }
    (there, missing)
}

/// The first line of what a program says of its version.
pub fn version(program: &Path, says: &str) -> Option<String> {
    let output = Command::new(program).arg(says).output().ok().filter(|output| output.status.success())?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).lines().next()?.to_owned())
}

impl Other {
    /// Whether it takes a minute for what the others bring in seconds: it is given a part of the text.
    pub fn is_slow(&self) -> bool {
        matches!(self.way, Way::Clush | Way::Ansible)
    }

    /// Runs it once; what it brought is compared with what the file holds.
    pub fn cat(&self, machines: &Machines, file: &Path, expected: &[u8]) -> Result<Sample> {
        let command = self.command(machines, file)?;
        let to = machines.scratch().join("brought");
        let output = if self.way == Way::SshToNowhere { File::create("/dev/null")? } else { File::create(&to)? };
        let before = machines.cpu();
        let ended = process::run_into(command, output, tempfile::tempfile()?)?;
        let sample =
            Sample { wall: ended.wall, client_cpu: ended.cpu, sshd_cpu: machines.cpu() - before, memory: ended.memory };
        if self.way != Way::SshToNowhere {
            let brought = std::fs::read(&to)?;
            // Ansible's first line says whose text follows, and an empty one ends it.
            let head = brought.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let text = if self.way == Way::Ansible { &brought[head..] } else { &brought };
            ensure!(text.trim_ascii_end() == expected.trim_ascii_end(), "{} brought something else", self.name);
            std::fs::remove_file(&to)?;
        }
        Ok(sample)
    }

    fn command(&self, machines: &Machines, file: &Path) -> Result<Command> {
        let mut command = Command::new(&self.program);
        let (address, options) = (Machines::address(0), machines.ssh_options());
        match self.way {
            Way::SshToNowhere | Way::SshToFile => {
                command.args(options.iter().flat_map(|option| option.split(' '))).arg(address).arg("cat").arg(file);
            }
            Way::Clush => {
                command.args(["-N", "-S", "-o", &options.join(" "), "-w", &address, "cat"]).arg(file);
            }
            Way::Ansible => {
                let hosts = machines.scratch().join("hosts");
                std::fs::write(&hosts, format!("{address}\n"))?;
                command.args(["all", "-i"]).arg(hosts).args(["-m", "raw", "-a", &format!("cat {}", file.display())]);
                let alone = " -o ControlMaster=no -o ControlPath=none";
                command.env("ANSIBLE_SSH_ARGS", format!("{}{alone}", options.join(" ")));
                command.env("ANSIBLE_HOST_KEY_CHECKING", "False");
                command.env("ANSIBLE_LOCAL_TEMP", machines.scratch().join("ansible"));
            }
        }
        Ok(command)
    }
}
