using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Containers.Images.Registry;

/// <summary>A host that is talked to: its connections, and what is known of it.</summary>
/// <remarks>Where images are named docker.io/… the host is registry-1.docker.io: the name stays what people and files know.</remarks>
internal sealed class RegistryHost : IDisposable
{
    private readonly X509Certificate2Collection _authorities = [];
    private readonly X509Certificate2Collection _client = [];
    private readonly X509Certificate2Collection _given;

    /// <param name="authority">HOST or HOST:PORT, as in names of images.</param>
    /// <param name="options">What is said about it.</param>
    public RegistryHost(string authority, RegistryOptions options)
    {
        Authority = authority;
        Address = authority == ImageName.DockerHub ? "registry-1.docker.io" : authority;
        _given = options.CertificateAuthorities;
        IsInsecure = options.InsecureRegistries.Contains(authority, StringComparer.OrdinalIgnoreCase);
        MayBePlain = IsInsecure || IsLoopback(Address);
        ReadCertificates(options.CertificateDirectories);
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false, // what is sent along is decided here, host by host
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            MaxResponseHeadersLength = 64,
            UseCookies = false,
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = Verify,
                ClientCertificates = _client.Count > 0 ? _client : null,
                LocalCertificateSelectionCallback = _client.Count > 0 ? (_, _, _, _, _) => _client[0] : null,
            },
        };
        Http = new HttpMessageInvoker(handler);
    }

    public string Authority { get; }

    /// <summary>Where it is.</summary>
    public string Address { get; }

    /// <summary>Whether it was declared insecure: its certificate is not looked at.</summary>
    public bool IsInsecure { get; }

    /// <summary>Whether plain http may be spoken with it.</summary>
    public bool MayBePlain { get; }

    /// <summary>https or http, once it is known.</summary>
    public string? Scheme { get; set; }

    /// <summary>Why its certificate was not accepted, the last time.</summary>
    public string? CertificateFailure { get; private set; }

    public HttpMessageInvoker Http { get; }

    public static bool IsLoopback(string address)
    {
        string host = new Uri($"http://{address}/").Host.Trim('[', ']');
        return host == "localhost" || host.EndsWith(".localhost", StringComparison.Ordinal) || (IPAddress.TryParse(host, out IPAddress? ip) && IPAddress.IsLoopback(ip));
    }

    public void Dispose()
    {
        Http.Dispose();
        foreach (X509Certificate2 certificate in _authorities.Concat(_client))
        {
            certificate.Dispose();
        }
    }

    private bool Verify(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None || IsInsecure)
        {
            return true;
        }

        if (errors == SslPolicyErrors.RemoteCertificateChainErrors && (_authorities.Count > 0 || _given.Count > 0) && certificate is X509Certificate2 remote && chain is not null)
        {
            // Only what the host's own authorities do not know is asked of these; the name has matched.
            using X509Chain own = new();
            own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            own.ChainPolicy.CustomTrustStore.AddRange(_authorities);
            own.ChainPolicy.CustomTrustStore.AddRange(_given);
            own.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
            own.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.1")); // is a server's
            if (own.Build(remote))
            {
                return true;
            }

            chain = own;
            CertificateFailure = Tell(errors, own);
            return false;
        }

        CertificateFailure = Tell(errors, chain);
        return false;
    }

    private static string Tell(SslPolicyErrors errors, X509Chain? chain)
        => errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable) ? "it shows none"
        : errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? "it is for another host"
        : chain?.ChainStatus is { Length: > 0 } status ? RegistryErrors.Shorten(status[0].StatusInformation.Trim().TrimEnd('.')) : "its authority is not known";

    private void ReadCertificates(IReadOnlyList<string> directories)
    {
        foreach (string directory in directories.Select(parent => Path.Combine(parent, Authority)).Where(Directory.Exists))
        {
            string current = directory;
            try
            {
                foreach (string file in Directory.GetFiles(directory, "*.crt").Order(StringComparer.Ordinal))
                {
                    current = file;
                    _authorities.ImportFromPemFile(file);
                }

                foreach (string file in Directory.GetFiles(directory, "*.cert").Order(StringComparer.Ordinal))
                {
                    current = file;
                    _client.Add(X509Certificate2.CreateFromPemFile(file, Path.ChangeExtension(file, ".key")));
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
            {
                throw new RegistryException($"{current}: the certificate for {Authority} cannot be read: {exception.Message}", "Authorities are *.crt, a client's certificates *.cert with a *.key beside, all in PEM.", exception) { Registry = Authority };
            }
        }
    }
}
