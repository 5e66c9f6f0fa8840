//! Runs commands over SSH.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use corral_domain::{AsUser, Facts, RenderedCommand, Vm, VmId};
use corral_engine::ports::{Exit, Failure, Probe, RunError, RunEvent, Runner, Step, Target};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cancel::{self, Receipt};
use crate::capsule::{Beside, Kept, end_bare};
use crate::chain::Chain;
use crate::config::SshConfig;
use crate::connection::{Connection, Dialer, Wish, ok_step};
use crate::exec::{self, Cut, OpenError, Running, shown_exit};
use crate::facts;
use crate::failure::failure;
use crate::pool::{Lease, Pool, at_hop};
use crate::wrap;

/// How often a channel is asked for before the machine counts as full.
const OPEN_TRIES_MAX: usize = 32;
/// How often a machine may refuse a channel on a connection that has no other before it counts as giving none.
const REFUSED_ALONE_MAX: usize = 3;
/// Time for the rest of the output to arrive after the processes of a cancelled command were ended.
const DRAIN_AFTER_CANCEL: Duration = Duration::from_secs(2);
/// Time for a message to be handed to a connection that is about to be given up.
const FAREWELL: Duration = Duration::from_secs(2);

/// [`Runner`] for VMs that are reached over SSH.
pub struct SshRunner {
    pub(crate) pool: Arc<Pool>,
    pub(crate) kept: Kept,
}

impl SshRunner {
    /// A runner without connections yet.
    pub fn new(config: SshConfig) -> Self {
        Self { pool: Arc::new(Pool::new(Dialer::new(config))), kept: Kept::default() }
    }

    pub(crate) fn config(&self) -> &SshConfig {
        &self.pool.dialer.config
    }

    /// A channel on a pooled connection, on a fresh one if the pooled one turns out to be dead.
    pub(crate) async fn open(&self, chain: &Chain, urgent: bool) -> Result<(Lease, Running), Failure> {
        let limit = self.config().exec_timeout;
        let mut problem = String::new();
        let mut refused_alone = 0;
        for _ in 0..OPEN_TRIES_MAX {
            let lease = self.pool.lease(chain, urgent).await?;
            match exec::open(&lease.connection, limit, Arc::clone(&self.config().clock)).await {
                Ok(running) => return Ok((lease, running)),
                Err(OpenError::Refused(why)) => {
                    problem = format!("it refused a session: {why}");
                    // With none beside it: the server has not let go yet of a session that has ended here, or it gives none
                    // at all. Connections that are opened for this tell.
                    if !lease.refused() {
                        refused_alone += 1;
                        if lease.fresh && refused_alone >= REFUSED_ALONE_MAX {
                            break;
                        }
                        lease.connection.dead.store(true, std::sync::atomic::Ordering::Relaxed);
                    }
                }
                Err(OpenError::Dead(why)) => {
                    lease.connection.dead.store(true, std::sync::atomic::Ordering::Relaxed);
                    problem = why;
                    if lease.fresh {
                        break;
                    }
                }
                Err(OpenError::Stuck) => {
                    problem = format!("it did not open a session within {} s", limit.as_secs());
                    // Others may be keeping the connection busy; they go on with it and nobody new joins them.
                    lease.connection.dead.store(true, std::sync::atomic::Ordering::Relaxed);
                    if lease.fresh {
                        break;
                    }
                }
            }
        }
        Err(failure(
            "exec",
            format!("{} gave no session: {problem}", chain.vm().name),
            "look into the server's log; MaxSessions in sshd_config or a forced command may stand in the way",
        ))
    }

    async fn end_processes(&self, chain: &Chain, cookie: &str, as_user: Option<&AsUser>) -> Receipt {
        let shell = Beside { runner: self, chain };
        // As hard to guess as the cookie, and of letters and digits.
        let mark = wrap::new_cookie().unwrap_or_else(|_| cookie.to_owned());
        end_bare(&shell, cookie, as_user, &mark, self.config().cancel_grace).await
    }

    /// Runs a line beside others and gives its standard output.
    pub(crate) async fn capture(
        &self,
        chain: &Chain,
        line: &str,
        stdin: Option<Vec<u8>>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, String> {
        let (_lease, running) = self.open(chain, true).await.map_err(|failure| failure.to_string())?;
        self.captured(running, line, stdin, bytes_max).await
    }

    /// Runs a line on a channel and gives its standard output.
    async fn captured(
        &self,
        mut running: Running,
        line: &str,
        stdin: Option<Vec<u8>>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, String> {
        running.start(line, self.config().exec_timeout).await.map_err(|cut| cut_text(&cut))?;
        let feed = running.feed(stdin);
        let (events, output) = mpsc::channel(16);
        let (exit, answer, ()) = tokio::join!(
            async move {
                let exit = running.pump(&events).await;
                drop(events);
                exit
            },
            collect(output, bytes_max),
            feed
        );
        exit.map_err(|cut| cut_text(&cut))?;
        Ok(answer)
    }

    /// Ends the command and says what is known.
    async fn cancelled(
        &self,
        chain: &Chain,
        cookie: &str,
        as_user: Option<&AsUser>,
        mut running: Running,
        events: &mpsc::Sender<RunEvent>,
    ) -> RunError {
        let (done, ended) = tokio::sync::oneshot::channel();
        // The output is read on meanwhile: a channel that nobody reads would stop the connection that the script needs.
        let drain = async {
            let mut limit = std::pin::pin!(async {
                let _ = ended.await;
                tokio::time::sleep(DRAIN_AFTER_CANCEL).await;
            });
            tokio::select! {
                exit = running.pump(events) => Some(exit),
                () = &mut limit => None,
            }
        };
        let end = async {
            let receipt = self.end_processes(chain, cookie, as_user).await;
            let _ = done.send(());
            receipt
        };
        let (exit, receipt) = tokio::join!(drain, end);
        if exit.is_none() {
            running.signal_and_close(FAREWELL).await;
        }
        RunError::Cancelled(receipt.to_domain(self.config().clock.now()))
    }

    /// Goes the whole way anew, machine by machine; `at` tells which one is being met.
    async fn probe_steps(&self, chain: &Chain, at: &mut Arc<Vm>, probe: &mut Probe) -> Result<(), Failure> {
        let mut way: Option<Arc<Connection>> = None;
        for vm in chain.hops() {
            *at = Arc::clone(vm);
            let hop = self.pool.dialer.dial(vm, way.take(), Wish::Test, &mut probe.steps).await;
            way = Some(Arc::new(hop.map_err(|failure| at_hop(&vm.name, failure))?));
        }
        *at = Arc::clone(chain.vm());
        let connection = self.pool.dialer.dial(chain.vm(), way, Wish::Test, &mut probe.steps).await?;
        probe.new_host_key.clone_from(&connection.new_host_key);
        let started = Instant::now();
        self.probe_exec(&connection, chain).await?;
        probe.steps.push(ok_step(chain.vm(), "exec", started, "a command was run".to_owned()));
        probe.latency = connection.ping(self.config().exec_timeout).await.ok();
        Ok(())
    }

    async fn probe_exec(&self, connection: &Connection, chain: &Chain) -> Result<(), Failure> {
        let limit = self.config().exec_timeout;
        let name = &chain.vm().name;
        let remedy =
            "check the account's shell and that no forced command (command= in authorized_keys) stands in the way";
        let fail = |why: String| failure("exec", format!("{name} did not run `true`: {why}"), remedy);
        let mut running = exec::open(connection, limit, Arc::clone(&self.config().clock)).await.map_err(|error| {
            fail(match error {
                OpenError::Dead(why) | OpenError::Refused(why) => why,
                OpenError::Stuck => format!("no session within {} s", limit.as_secs()),
            })
        })?;
        running.start(&wrap::unmarked("true"), limit).await.map_err(|cut| fail(cut_text(&cut)))?;
        let (events, output) = mpsc::channel(16);
        let feed = running.feed(None);
        let ran = tokio::time::timeout(limit, async {
            tokio::join!(
                async move {
                    let exit = running.pump(&events).await;
                    drop(events);
                    exit
                },
                collect(output, cancel::ANSWER_BYTES_MAX),
                feed
            )
        });
        match ran.await {
            Ok((Ok(exit), _, ())) if exit.code == Some(0) => Ok(()),
            Ok((Ok(exit), said, ())) => {
                Err(fail(format!("it ended with {}: `{}`", shown_exit(&exit), crate::failure::quote_bytes(&said))))
            }
            Ok((Err(cut), ..)) => Err(fail(cut_text(&cut))),
            Err(_) => Err(fail(format!("it did not end within {} s", limit.as_secs()))),
        }
    }
}

#[async_trait]
impl Runner for SshRunner {
    async fn run(
        &self,
        target: &Target,
        command: &RenderedCommand,
        as_user: Option<&AsUser>,
        events: mpsc::Sender<RunEvent>,
        cancel: CancellationToken,
    ) -> Result<Exit, RunError> {
        let chain = Chain::new(target);
        let cookie = wrap::new_cookie()
            .map_err(|error| RunError::Failed(format!("the system gave no random numbers: {error}")))?;
        let line = wrap::marked(&command.to_shell(), &cookie);
        let (lease, mut running) = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(RunError::Cancelled(corral_domain::Receipt::nothing_started(self.config().clock.now()))),
            opened = self.open(&chain, false) => opened.map_err(RunError::Unreachable)?,
        };
        let started = tokio::select! {
            started = running.start(&line, self.config().exec_timeout) => started,
            () = cancel.cancelled() => return Err(self.cancelled(&chain, &cookie, as_user, running, &events).await),
        };
        started.map_err(|cut| run_error(&chain, cut))?;
        // Without a receiver nobody wants to know; the command still comes to its end.
        let _ = events.send(RunEvent::Started).await;
        let mut feed = std::pin::pin!(running.feed(command.stdin.clone()));
        let mut fed = false;
        let ended = {
            let mut pump = std::pin::pin!(running.pump(&events));
            loop {
                tokio::select! {
                    ended = &mut pump => break Some(ended),
                    () = cancel.cancelled() => break None,
                    () = &mut feed, if !fed => fed = true,
                }
            }
        };
        let result = match ended {
            Some(ended) => ended.map_err(|cut| run_error(&chain, cut)),
            None => Err(self.cancelled(&chain, &cookie, as_user, running, &events).await),
        };
        drop(lease);
        result
    }

    async fn probe(&self, target: &Target) -> Probe {
        let chain = Chain::new(target);
        let mut probe = Probe::default();
        let started = Instant::now();
        let mut at = Arc::clone(chain.vm());
        if let Err(failure) = self.probe_steps(&chain, &mut at, &mut probe).await {
            let before: Duration = probe.steps.iter().map(|step| step.took).sum();
            let name = if failure.step == "handshake" { "host key" } else { failure.step };
            let detail = format!("{}; {}", failure.message, failure.remedy);
            let took = started.elapsed().saturating_sub(before);
            probe.steps.push(Step { vm: at.name.clone(), name, ok: false, detail, took });
            probe.failure = Some(failure);
        }
        probe
    }

    async fn check(&self, target: &Target) -> Result<Duration, Failure> {
        let chain = Chain::new(target);
        let limit = self.config().connect_timeout;
        loop {
            let (connection, fresh) = self.pool.connection(&chain).await?;
            match connection.ping(limit).await {
                Ok(latency) => return Ok(latency),
                // Dead or kept busy: whoever runs over it goes on, everybody else gets a new one.
                Err(why) => {
                    connection.dead.store(true, std::sync::atomic::Ordering::Relaxed);
                    if fresh {
                        return Err(failure(
                            "connect",
                            format!("{} does not answer over its connection: {why}", chain.vm().name),
                            "check that the machine is up and not overloaded",
                        ));
                    }
                }
            }
        }
    }

    async fn facts(&self, target: &Target) -> Result<Facts, Failure> {
        let chain = Chain::new(target);
        let line = wrap::unmarked(facts::SCRIPT);
        let work = async {
            // Not urgent: what people run goes first.
            let (_lease, running) = self.open(&chain, false).await?;
            let answer = self.captured(running, &line, None, facts::ANSWER_BYTES_MAX).await;
            answer.map_err(|why| facts::failure_of(chain.vm(), &why))
        };
        let answer = match tokio::time::timeout(facts::TIME_MAX, work).await {
            Ok(answer) => answer?,
            Err(_) => return Err(facts::failure_of(chain.vm(), &facts::too_slow())),
        };
        facts::parse(&answer, self.config().clock.now()).ok_or_else(|| facts::not_understood(chain.vm(), &answer))
    }

    async fn forget(&self, vm: VmId) {
        self.pool.forget(vm);
    }
}

fn run_error(chain: &Chain, cut: Cut) -> RunError {
    match cut {
        Cut::NotRun(why) => RunError::Failed(format!("{} did not run the command: {why}", chain.vm().name)),
        Cut::Lost(why) => RunError::Lost(format!("{}: {why}", chain.vm().name)),
    }
}

fn cut_text(cut: &Cut) -> String {
    match cut {
        Cut::NotRun(why) | Cut::Lost(why) => why.clone(),
    }
}

/// The first bytes of standard output; what comes after them is read and dropped.
async fn collect(mut output: mpsc::Receiver<RunEvent>, bytes_max: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(event) = output.recv().await {
        if let RunEvent::Output(output) = event {
            let room = bytes_max.saturating_sub(bytes.len());
            bytes.extend(output.bytes.iter().take(room));
        }
    }
    bytes
}
