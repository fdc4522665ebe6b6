using System.Security.Cryptography.X509Certificates;
using Xunit;

namespace Containers.Tests.Images.Registry;

/// <summary>A registry that speaks TLS with a certificate of an authority of its own, for localhost.</summary>
public sealed class TlsTests : IClassFixture<SampleImage>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly RegistryServer _registry;
    private readonly SampleImage _sample;

    public TlsTests(SampleImage sample)
    {
        Requires.Owners();
        Requires.Tools("openssl");
        _sample = sample;
        Tool.Bash($"""
            cd {_directory.Path}
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt 2> /dev/null
            sign() ( openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout $1.key -out $1.csr 2> /dev/null
                openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile <(printf "subjectAltName=DNS:localhost\nextendedKeyUsage=$2") -out $1.crt 2> /dev/null )
            sign server serverAuth; sign client clientAuth
            """);
        _registry = new RegistryServer(http: $"tls:\n  certificate: {_directory["server.crt"]}\n  key: {_directory["server.key"]}");
        _registry.Push($"oci:{sample.Layout}:1", "app:1");
    }

    public void Dispose()
    {
        _registry.Dispose();
        _directory.Dispose();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private Task<Image> Pull(RegistryOptions options, string? name = null)
        => new ImageStore(_directory["store"]) { Registries = options }.PullAsync(name ?? $"{_registry.Name}/app:1", cancellationToken: Cancellation);

    [Fact]
    public async Task Certificate_of_an_unknown_authority_is_not_accepted()
    {
        int requests = _registry.Requests("/v2/app");
        RegistryException exception = await Assert.ThrowsAsync<RegistryException>(() => Pull(RegistryOptions.Default));
        Assert.Contains("certificate is not accepted", exception.Message, StringComparison.Ordinal);
        Assert.Contains($"certs.d/{_registry.Name}/ca.crt", exception.Message, StringComparison.Ordinal);
        Assert.Equal(requests, _registry.Requests("/v2/app"));
    }

    [Fact]
    public async Task Authority_of_the_options_is_trusted()
    {
        using X509Certificate2 authority = X509CertificateLoader.LoadCertificateFromFile(_directory["ca.crt"]);
        Assert.Equal(_sample.Expected.Id, (await Pull(new RegistryOptions { CertificateAuthorities = [authority] })).Id);
    }

    [Fact]
    public async Task Authority_of_a_certificate_directory_is_trusted_for_its_host_only()
    {
        Tool.Bash($"mkdir -p {_directory["certs.d"]}/{_registry.Name}; cp {_directory["ca.crt"]} {_directory["certs.d"]}/{_registry.Name}/");
        RegistryOptions options = new() { CertificateDirectories = [_directory["certs.d"]] };
        Assert.Equal(_sample.Expected.Id, (await Pull(options)).Id);
        await Assert.ThrowsAsync<RegistryException>(() => Pull(options, $"127.0.0.1:{_registry.Port}/app:1"));
    }

    [Fact]
    public async Task Trusted_certificate_for_another_name_is_not_accepted()
    {
        using X509Certificate2 authority = X509CertificateLoader.LoadCertificateFromFile(_directory["ca.crt"]);
        RegistryException exception = await Assert.ThrowsAsync<RegistryException>(() => Pull(new RegistryOptions { CertificateAuthorities = [authority] }, $"127.0.0.1:{_registry.Port}/app:1"));
        Assert.Contains("it is for another host", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Insecure_registry_is_not_verified()
        => Assert.Equal(_sample.Expected.Id, (await Pull(new RegistryOptions { InsecureRegistries = [_registry.Name] })).Id);

    [Fact]
    public async Task Client_shows_its_certificate_where_it_has_one()
    {
        using RegistryServer strict = new(http: $"tls:\n  certificate: {_directory["server.crt"]}\n  key: {_directory["server.key"]}\n  clientcas:\n    - {_directory["ca.crt"]}");
        using X509Certificate2 authority = X509CertificateLoader.LoadCertificateFromFile(_directory["ca.crt"]);
        string name = $"{strict.Name}/app:1";
        await Assert.ThrowsAsync<RegistryException>(() => Pull(new RegistryOptions { CertificateAuthorities = [authority], MaximumRetries = 0 }, name));

        Tool.Bash($"mkdir -p {_directory["certs.d"]}/{strict.Name}; cd {_directory["certs.d"]}/{strict.Name}; cp {_directory["ca.crt"]} .; cp {_directory["client.crt"]} client.cert; cp {_directory["client.key"]} .");
        RegistryOptions options = new() { CertificateDirectories = [_directory["certs.d"]], MaximumRetries = 0 };
        ImageStore store = new(_directory["store"]) { Registries = options };
        await store.PushAsync($"oci:{_sample.Layout}:1", name, cancellationToken: Cancellation);
        Assert.Equal(_sample.Expected.Id, (await Pull(options, name)).Id);
    }

    [Fact]
    public async Task Certificate_that_cannot_be_read_is_told()
    {
        Directory.CreateDirectory($"{_directory["certs.d"]}/{_registry.Name}");
        File.WriteAllText($"{_directory["certs.d"]}/{_registry.Name}/client.cert", "nonsense");
        Assert.Contains("client.cert", (await Assert.ThrowsAsync<RegistryException>(() => Pull(new RegistryOptions { CertificateDirectories = [_directory["certs.d"]] }))).Message, StringComparison.Ordinal);
    }
}
