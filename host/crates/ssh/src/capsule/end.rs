//! What an answer's last word means.

use corral_engine::ports::{CapsuleError, CapsuleState, Exit};

use super::wire::End;

const DIRECT: &str = "choose mode `direct`, which leaves nothing on the machine but does not survive a lost connection";

/// As following a capsule answers it.
pub(crate) fn followed(name: &str, end: End) -> Result<Exit, CapsuleError> {
    match end {
        End::Exited { code, sizes, full } => {
            let exit = Exit { code: Some(i32::from(code)), signal: None };
            if !full {
                return Ok(exit);
            }
            let (out, err) = (sizes.stdout, sizes.stderr);
            Err(CapsuleError::Incomplete {
                exit,
                why: format!(
                    "the disk of {name} was full when the command ended: what it wrote beyond {out} bytes of output and {err} \
                     of errors may be missing"
                ),
            })
        }
        End::Lost(why) => Err(CapsuleError::Lost(lost(name, &why))),
        End::Cancelled(why) => Err(CapsuleError::Refused(not_started(name, &why))),
        End::None => Err(CapsuleError::Missing),
        End::Refused(why, text) => Err(CapsuleError::Refused(refused(name, &why, &text))),
    }
}

/// As asking for its state answers it.
pub(crate) fn stated(name: &str, end: End) -> Result<CapsuleState, CapsuleError> {
    match end {
        End::Cancelled(_) | End::None => Ok(CapsuleState::None),
        other => match followed(name, other) {
            Ok(exit) | Err(CapsuleError::Incomplete { exit, .. }) => Ok(CapsuleState::Exited(exit)),
            Err(CapsuleError::Lost(why)) => Ok(CapsuleState::Lost(why)),
            Err(error) => Err(error),
        },
    }
}

fn lost(name: &str, why: &str) -> String {
    match why {
        "B" => format!("{name} was rebooted while the command ran, so how it ended is not known"),
        "K" => {
            format!("{name}: the command's supervisor was killed, so its exit code is not known; the command has ended")
        }
        "S" => format!("{name}: the command's supervisor was killed before the command began"),
        "short" => {
            format!("{name}: the command's output was cut or replaced on the machine; what is stored is what was sent")
        }
        "U" => format!("{name}: its launch was cut off; whether the command began is not known"),
        other => {
            format!("{name}: how the command ended is not known ({})", crate::failure::quote_bytes(other.as_bytes()))
        }
    }
}

fn not_started(name: &str, why: &str) -> String {
    if why == "cancel" {
        format!("{name}: the command was cancelled before it was started; nothing of it ran")
    } else {
        format!("{name}: the launch was cut off before the command began; nothing of it ran")
    }
}

fn refused(name: &str, why: &str, text: &str) -> String {
    let text = crate::failure::quote_bytes(text.as_bytes());
    match why {
        "nohome" => format!("{name}: the account has no HOME, so a capsule has no place; set one, or {DIRECT}"),
        "home" => {
            format!("{name}: its home cannot be written ({text}); make it writable, set XDG_STATE_HOME, or {DIRECT}")
        }
        "disk" => {
            format!("{name}: its home cannot be written: no room for some bytes in {text}; free some, or {DIRECT}")
        }
        "linger" => format!(
            "{name}: logind ends what an account leaves behind (KillUserProcesses=yes); run `loginctl enable-linger {text}` \
             there, or {DIRECT}"
        ),
        "scope" => format!(
            "{name}: logind ends what an account leaves behind (KillUserProcesses=yes), and `systemd-run --user --scope` does \
             not work for {text}; repair that, or {DIRECT}"
        ),
        other => format!(
            "{name}: it cannot run capsules ({}: {text}); {DIRECT}",
            crate::failure::quote_bytes(other.as_bytes())
        ),
    }
}
