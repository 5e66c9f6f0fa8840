//! The presets of the README, as they stand there, on answers as those services give them.

use corral_plugin_http_inventory::{Config, discover};
use corral_plugin_sdk::FoundVm;
use corral_plugin_sdk::http::Response;
use corral_plugin_sdk::testing;
use serde_json::Value;

/// What the README says of a service.
fn preset(name: &str) -> Value {
    let presets = include_str!("../README.md").split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let parsed = presets.map(|text| toml::from_str::<toml::Table>(text).unwrap());
    let configs = parsed.map(|table| serde_json::to_value(&table["plugins"]["http-inventory"]["config"]).unwrap());
    configs.into_iter().find(|config| config["sources"][0]["name"] == name).unwrap()
}

/// What becomes of a service's answer, and the request that was sent.
fn found(name: &'static str, answer: &'static str) -> (Vec<FoundVm>, String) {
    let config = preset(name);
    let schema: Value = serde_json::from_str(include_str!("../config.schema.json")).unwrap();
    let errors: Vec<_> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&config).map(|e| e.to_string()).collect();
    assert_eq!(errors, [""; 0], "{name}");
    let config: Config = serde_json::from_value(config).unwrap();
    testing::set_secret(&format!("{name}-token"), "t0ken\n");
    let (sent, seen) = std::sync::mpsc::channel();
    testing::set_web(move |request| {
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        sent.send(format!("{} {}\n{}", request.method, request.url, headers.join("\n"))).unwrap();
        Ok(Response { status: 200, headers: Vec::new(), body: answer.as_bytes().to_vec() })
    });
    let page = discover(&config, None, |_| panic!("nobody asked to wait")).unwrap();
    assert_eq!(page.next, None);
    (page.vms, seen.try_recv().unwrap())
}

/// A machine in one line.
fn line(vm: &FoundVm) -> String {
    let labels: Vec<_> = vm.labels.iter().map(|label| format!("{}={}", label.key, label.value)).collect();
    let user = vm.user.as_deref().map(|user| format!("{user}@")).unwrap_or_default();
    let running = vm.running.map_or("?", |running| if running { "on" } else { "off" });
    format!("{} {} {user}{}:{} {running} {}", vm.external_id, vm.name, vm.address, vm.port, labels.join(","))
}

fn lines(vms: &[FoundVm]) -> Vec<String> {
    vms.iter().map(line).collect()
}

#[test]
fn netbox() {
    let (vms, sent) = found("netbox", include_str!("samples/netbox.json"));
    assert_eq!(
        sent,
        "GET https://netbox.example.com/api/virtualization/virtual-machines/?limit=500\n\
         Accept: application/json\nAuthorization: Token t0ken"
    );
    assert_eq!(
        lines(&vms),
        [
            "netbox/41 web-1 10.0.0.5:22 on cluster=k1,inventory=netbox,owner=ops,role=web,site=fra,source=http-inventory,\
          tag/pci-dss=yes,tag/prod=yes"
        ]
    );
}

#[test]
fn proxmox() {
    let (vms, sent) = found("proxmox", include_str!("samples/proxmox.json"));
    assert!(sent.ends_with("Authorization: PVEAPIToken=t0ken"), "{sent}");
    assert_eq!(
        lines(&vms),
        [
            "proxmox/qemu/100 db-1 db-1.lan:22 on inventory=proxmox,node=pve1,source=http-inventory,tag/db=yes,tag/prod=yes,type=qemu",
            "proxmox/lxc/101 cache-1 cache-1.lan:22 off inventory=proxmox,node=pve2,source=http-inventory,type=lxc"
        ]
    );
}

#[test]
fn aws() {
    let (vms, sent) = found("aws", include_str!("samples/aws.json"));
    assert!(!sent.contains("Authorization"), "{sent}");
    assert_eq!(
        lines(&vms),
        [
            "aws/gate gate admin@gate.example.com:22 ? source=http-inventory,inventory=aws",
            "aws/i-0a1 Web-server-1 admin@10.1.0.4:22 on inventory=aws,kind=t3.small,source=http-inventory,tag/Name=Web server, 1,\
             tag/aws_autoscaling_groupName=web,tag/env=prod,zone=eu-central-1a",
            "aws/i-0b1 i-0b1 admin@10.1.0.9:22 off inventory=aws,kind=t3.large,source=http-inventory,zone=eu-central-1b"
        ]
    );
    assert_eq!(
        (vms[1].jump.as_slice(), vms[1].identity_file.as_deref()),
        (["aws/gate".to_owned()].as_slice(), Some("~/.ssh/fleet.pem"))
    );
}

#[test]
fn hetzner() {
    let (vms, sent) = found("hetzner", include_str!("samples/hetzner.json"));
    assert!(sent.ends_with("Authorization: Bearer t0ken"), "{sent}");
    assert_eq!(
        lines(&vms),
        [
            "hetzner/4711 edge-1 root@203.0.113.7:22 on env=prod,inventory=hetzner,location=fsn1,source=http-inventory",
            "hetzner/4712 inner-1 root@10.2.0.3:22 off inventory=hetzner,location=nbg1,source=http-inventory"
        ]
    );
}

#[test]
fn consul() {
    let (vms, sent) = found("consul", include_str!("samples/consul.json"));
    assert!(sent.ends_with("X-Consul-Token: t0ken"), "{sent}");
    assert_eq!(
        lines(&vms),
        [
            "consul/40e4a748-2192-161a-0510-9bf59fe950b5 baz 10.1.10.11:22 ? datacenter=dc1,instance_type=t2.medium,inventory=consul,\
             source=http-inventory",
            "consul/8f246b77-f3e1-ff88-5b48-8ec93abf3e05 foobar 10.1.10.12:22 ? datacenter=dc2,inventory=consul,source=http-inventory"
        ]
    );
}

#[test]
fn a_plain_list() {
    let (vms, _) = found("plain", include_str!("samples/plain.json"));
    assert_eq!(
        lines(&vms),
        [
            "plain/web-1.example.com web-1.example.com web-1.example.com:22 ? inventory=plain,source=http-inventory",
            "plain/10.0.0.7 10.0.0.7 10.0.0.7:2222 ? inventory=plain,source=http-inventory"
        ]
    );
}
