using System.Security.Cryptography.X509Certificates;

namespace Containers;

/// <summary>How registries are reached. What is not said here is as docker and podman have it: their files of credentials and certificates are read.</summary>
public sealed record RegistryOptions
{
    /// <summary>The usual: https with the host's certificate authorities, credentials of docker and podman.</summary>
    public static RegistryOptions Default { get; } = new();

    /// <summary>
    /// Registries, as <c>HOST</c> or <c>HOST:PORT</c>, whose certificates are not verified and which may speak plain http. Without
    /// being listed only a registry on the loopback is asked by http, when it does not speak https.
    /// </summary>
    public IReadOnlyList<string> InsecureRegistries { get; init; } = [];

    /// <summary>For a registry, such as <c>docker.io</c>, others that are asked before it for pulls, in this order: <c>HOST[:PORT][/PREFIX]</c>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Mirrors { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Credentials by registry. Those here go before all files.</summary>
    public IReadOnlyDictionary<string, RegistryCredentials> Credentials { get; init; } = new Dictionary<string, RegistryCredentials>();

    /// <summary>
    /// A file of credentials in docker's format. Null looks into $REGISTRY_AUTH_FILE, or else ${XDG_RUNTIME_DIR}/containers/auth.json,
    /// containers/auth.json in $XDG_CONFIG_HOME (~/.config), and config.json in $DOCKER_CONFIG (~/.docker).
    /// </summary>
    public string? AuthFile { get; init; }

    /// <summary>Certificate authorities that are trusted besides the host's, by any registry.</summary>
    public X509Certificate2Collection CertificateAuthorities { get; init; } = [];

    /// <summary>Directories with <c>HOST[:PORT]/*.crt</c> (authorities), <c>*.cert</c> and <c>*.key</c> (a client's certificate and key).</summary>
    public IReadOnlyList<string> CertificateDirectories { get; init; } = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

    /// <summary>How often a request is repeated that failed for a reason that may pass; between two tries the wait doubles, from half a second, with jitter.</summary>
    public int MaximumRetries { get; init; } = 5;

    /// <summary>A connection over which nothing comes for so long is given up, and the transfer goes on over another.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest wait that a registry can ask for (Retry-After); one that asks for more gets its error told.</summary>
    public TimeSpan MaximumRetryDelay { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>Who one is for a registry.</summary>
/// <param name="UserName">The name.</param>
/// <param name="Password">The password, or an access token that is used as one.</param>
public sealed record RegistryCredentials(string UserName, string Password)
{
    /// <summary>A token that buys access tokens, in place of a password.</summary>
    public string? IdentityToken { get; init; }

    /// <summary>The user's name, and nothing that is secret.</summary>
    public override string ToString() => $"{nameof(RegistryCredentials)} {{ {UserName} }}";
}
