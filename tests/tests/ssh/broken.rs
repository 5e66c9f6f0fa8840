//! Machines that cannot be reached, and servers that misbehave.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use corral_domain::{Auth, NewVm};
use corral_ssh::{SshConfig, SshRunner};
use corral_tests::sshd::free_port;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{config, to, unreachable};

fn brisk() -> SshConfig {
    let short = Duration::from_secs(1);
    SshConfig { connect_timeout: short, handshake_timeout: short, auth_timeout: short, ..config() }
}

fn at(address: &str, port: u16) -> NewVm {
    NewVm { auth: Auth::Agent, ..NewVm::ssh("web-1", address, port, "root") }
}

/// A server that does one thing to each connection.
async fn misbehaving<F, Fut>(act: F) -> u16
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(stream));
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_and_a_name_without_address_are_told_apart() {
    let runner = SshRunner::new(config());
    let failure = unreachable(&runner, &to(at("127.0.0.1", free_port(Ipv4Addr::LOCALHOST)))).await;
    assert_eq!(failure.step, "connect");
    assert!(failure.message.contains("refused"), "{failure}");
    let failure = unreachable(&SshRunner::new(brisk()), &to(at("no-such-host.invalid", 22))).await;
    assert_eq!(failure.step, "resolve");
    assert!(failure.message.contains("no-such-host.invalid"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_speak_ssh_is_quoted() {
    let port = misbehaving(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nServer: \x1b[31mx\r\n\r\n").await;
    })
    .await;
    let failure = unreachable(&SshRunner::new(brisk()), &to(at("127.0.0.1", port))).await;
    assert_eq!(failure.step, "handshake");
    assert!(failure.message.contains("HTTP/1.1 400") && !failure.message.contains('\x1b'), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banner_without_end_silence_and_a_slow_drip_end_in_time() {
    let endless = misbehaving(|mut stream| async move { while stream.write_all(&[b'A'; 8192]).await.is_ok() {} }).await;
    let lines = misbehaving(|mut stream| async move { while stream.write_all(b"hello\r\n").await.is_ok() {} }).await;
    let silent = misbehaving(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let drip = misbehaving(|mut stream| async move {
        for byte in b"SSH-2.0-slow_and_slower_still_and_so_on".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    for port in [endless, lines, silent, drip] {
        let begun = Instant::now();
        let failure = unreachable(&SshRunner::new(brisk()), &to(at("127.0.0.1", port))).await;
        assert_eq!(failure.step, "handshake", "{failure}");
        assert!(begun.elapsed() < crate::support::LIMIT, "{:?}: {failure}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_after_the_banner_is_a_failed_handshake() {
    let port = misbehaving(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-Garbage\r\n").await;
        let _ = stream.write_all(&[0xff; 4096]).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    })
    .await;
    let failure = unreachable(&SshRunner::new(brisk()), &to(at("127.0.0.1", port))).await;
    assert_eq!(failure.step, "handshake");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_at_once_is_tried_again_and_then_told() {
    let port = misbehaving(|stream| async move { drop(stream) }).await;
    let failure = unreachable(&SshRunner::new(brisk()), &to(at("127.0.0.1", port))).await;
    assert_eq!(failure.step, "handshake");
    assert!(failure.remedy.contains("MaxStartups"), "{failure}");
}
