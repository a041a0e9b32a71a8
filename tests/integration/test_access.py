"""Who gets in: certificates, identities, and every method against every role."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from engine.authority import Authority
from engine.identity import Identity, Role
from engine.methods import METHODS
from tests.integration.engine_process import CALL_SECONDS, EngineProcess
from whampoa.client import CHANNEL_OPTIONS, Credentials
from whampoa.money.v1 import rejection_pb2 as rejection
from whampoa.registry.v1 import registry_service_pb2 as registry

# Certificate and identity of one caller of every kind; gateways are told apart by name.
CALLERS = {
    "engine": "engine/engine",
    "singlewindow": "gateway/singlewindow",
    "bank": "gateway/bank",
    "safe": "gateway/safe",
    "pboc": "gateway/pboc",
    "bank-institution": "institution/bank-institution",
    "operator": "operator/operator",
    "officer-1": "officer/officer-1",
    "authority": "authority/authority",
    "declarant": "declarant/declarant",
    "enterprise": "service-enterprise/enterprise",
    "merchant": "merchant/merchant",
}
# What may never be got wrong, written down a second time.
ALONE = {
    "/whampoa.customs.v1.CustomsService/SubmitDocuments": {"singlewindow"},
    "/whampoa.customs.v1.CustomsService/SettleDispute": {"officer-1"},
    "/whampoa.forex.v1.ForexService/RecordRemittance": {"bank"},
    "/whampoa.forex.v1.ForexService/ConfirmConversion": {"bank"},
    "/whampoa.clearing.v1.ClearingService/ConfirmDebit": {"bank"},
    "/whampoa.clearing.v1.ClearingService/RecordSettlement": {"bank", "pboc"},
    "/whampoa.risk.v1.RiskService/ClearReview": {"officer-1"},
    "/whampoa.risk.v1.RiskService/RejectReview": {"officer-1"},
    "/whampoa.registry.v1.RegistryService/RegisterParties": {"operator"},
}
STREAMS = {
    "/whampoa.feed.v1.FeedService/Follow",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
}
REGISTER = "/whampoa.registry.v1.RegistryService/RegisterParties"


def code_of(channel: grpc.Channel, path: str) -> grpc.StatusCode:
    """The status of a call with an empty request."""
    try:
        if path in STREAMS:
            stream_call: Any = channel.stream_stream(path)
            stream = stream_call(iter([b""]), timeout=CALL_SECONDS)
            next(stream)
            stream.cancel()
        else:
            call: Any = channel.unary_unary(path)
            call(b"", timeout=CALL_SECONDS)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def test_every_method_of_the_contract_is_in_the_table() -> None:
    pool = descriptor_pool.Default()
    areas = ("customs", "registry", "tax", "forex", "clearing", "ledger", "risk", "feed", "query")
    services = [
        *(f"whampoa.{area}.v1.{area.capitalize()}Service" for area in areas),
        "whampoa.evidence.v1.EvidenceService",
    ]
    told = {
        f"/{service}/{method.name}"
        for service in services
        for method in pool.FindServiceByName(service).methods
    }
    assert told == {path for path in METHODS if path.startswith("/whampoa.")}


@pytest.mark.parametrize("caller", CALLERS)
def test_a_method_without_the_right_is_closed(engine: EngineProcess, caller: str) -> None:
    identity = Identity.parse(f"spiffe://whampoa/{CALLERS[caller]}")
    before = engine.status()
    channel = engine.client(caller).channel
    wrong = []
    for path, method in METHODS.items():
        code = code_of(channel, path)
        is_open = code is not grpc.StatusCode.PERMISSION_DENIED
        if is_open != method.may(identity):
            wrong.append((path, code))
        if path in ALONE and is_open != (caller in ALONE[path]):
            wrong.append((path, code))
    assert not wrong
    after = engine.status()
    assert (after.entries, after.state_hash) == (before.entries, before.state_hash)


def test_refusals_say_who_and_what(engine: EngineProcess) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        engine.raw("bank", REGISTER, b"")
    assert failure.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert failure.value.details() == f"gateway/bank has no right to {REGISTER}"


def test_a_method_that_does_not_exist(engine: EngineProcess) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        engine.raw("operator", "/whampoa.registry.v1.RegistryService/DropEverything", b"")
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


def connect(engine: EngineProcess, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    if credentials is None:
        return grpc.insecure_channel(engine.address)
    return grpc.secure_channel(engine.address, credentials, options=CHANNEL_OPTIONS)


def attempt(engine: EngineProcess, credentials: grpc.ChannelCredentials | None) -> grpc.RpcError:
    """The error of a read with these credentials."""
    with connect(engine, credentials) as channel, pytest.raises(grpc.RpcError) as failure:
        stub = health_pb2_grpc.HealthStub(channel)
        stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
    return failure.value


def test_certificates_of_others_do_not_connect(engine: EngineProcess, tmp_path: Path) -> None:
    other = Authority(tmp_path / "keys")
    other.establish()
    other.issue(Identity(Role.OPERATOR, "operator"))
    authority = (engine.keys / "ca.pem").read_bytes()
    foreign = Credentials.read(tmp_path / "keys", "operator")
    wrong: dict[str, grpc.ChannelCredentials | None] = {
        "signed by another authority": grpc.ssl_channel_credentials(
            authority, foreign.key, foreign.certificate
        ),
        "no client certificate": grpc.ssl_channel_credentials(authority),
        "no TLS at all": None,
    }
    codes = {what: attempt(engine, how).code() for what, how in wrong.items()}
    assert codes == dict.fromkeys(wrong, grpc.StatusCode.UNAVAILABLE)
    # The caller finds out as well that it speaks to another engine.
    own = Credentials.read(engine.keys, "operator")
    mistrusting = grpc.ssl_channel_credentials(foreign.authority, own.key, own.certificate)
    assert attempt(engine, mistrusting).code() is grpc.StatusCode.UNAVAILABLE
    assert engine.status().accepting_writes


def signed(keys: Path, uris: list[str]) -> grpc.ChannelCredentials:
    """A certificate of the engine's own authority that names `uris`."""
    ca = x509.load_pem_x509_certificate((keys / "ca.pem").read_bytes())
    ca_key = serialization.load_pem_private_key((keys / "ca.key").read_bytes(), password=None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), *map(x509.UniformResourceIdentifier, uris)]
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .issuer_name(ca.subject)
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operator")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    return grpc.ssl_channel_credentials((keys / "ca.pem").read_bytes(), secret, public)


@pytest.mark.parametrize(
    "uris",
    [
        [],
        ["spiffe://elsewhere/operator/operator"],
        ["spiffe://whampoa/king/operator"],
        ["spiffe://whampoa/operator/"],
        ["spiffe://whampoa/operator/a/b"],
        ["spiffe://whampoa/operator/operator", "spiffe://whampoa/gateway/bank"],
    ],
)
def test_a_certificate_without_one_identity_has_no_right(
    engine: EngineProcess, uris: list[str]
) -> None:
    with connect(engine, signed(engine.keys, uris)) as channel:
        codes = {code_of(channel, path) for path in METHODS}
    assert codes == {grpc.StatusCode.PERMISSION_DENIED}


def test_a_good_certificate_made_elsewhere_is_an_identity(engine: EngineProcess) -> None:
    """Guards the tests above: the same maker, with one identity, gets in."""
    uris = ["spiffe://whampoa/operator/night-shift", "spiffe://elsewhere/x/y"]
    with connect(engine, signed(engine.keys, uris)) as channel:
        call: Any = channel.unary_unary(REGISTER)
        reply = registry.RegisterPartiesResponse.FromString(call(b"", timeout=CALL_SECONDS))
    assert reply.refusal.code == rejection.REJECTION_REQUEST_ID_MISSING


def test_health_and_reflection(engine: EngineProcess) -> None:
    channel = engine.client("merchant").channel
    health = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    assert health.Check(health_pb2.HealthCheckRequest()).status == serving
    watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS)
    assert next(watch).status == serving
    watch.cancel()
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = reflection.ServerReflectionInfo(iter([asked]), timeout=CALL_SECONDS)
    names = {service.name for service in answer.list_services_response.service}
    assert {"whampoa.customs.v1.CustomsService", "grpc.health.v1.Health"} <= names
    symbol = reflection_pb2.ServerReflectionRequest(
        file_containing_symbol="whampoa.clearing.v1.ClearingService"
    )
    (answer,) = reflection.ServerReflectionInfo(iter([symbol]), timeout=CALL_SECONDS)
    assert answer.file_descriptor_response.file_descriptor_proto
