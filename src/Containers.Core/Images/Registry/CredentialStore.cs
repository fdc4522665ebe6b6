using System.Text;
using System.Text.Json;

namespace Containers.Images.Registry;

/// <summary>Finds credentials for a registry: in the options, and in the files that docker, podman and skopeo have.</summary>
internal sealed class CredentialStore(RegistryOptions options)
{
    /// <summary>What docker calls its hub in its file, for reasons of 2013.</summary>
    private const string DockerHubKey = "https://index.docker.io/v1/";

    private const int MaximumFile = 4 << 20;

    /// <param name="registry">As in names of images.</param>
    /// <param name="repository">More is said for it than for the registry in podman's files.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Null when there are none.</returns>
    /// <exception cref="RegistryException">A file is damaged, or a helper fails.</exception>
    public async Task<RegistryCredentials?> FindAsync(string registry, string repository, CancellationToken cancellation)
    {
        if (options.Credentials.TryGetValue(registry, out RegistryCredentials? given))
        {
            return given;
        }

        foreach (string path in Files())
        {
            if (await FindAsync(path, registry, repository, cancellation).ConfigureAwait(false) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private IEnumerable<string> Files()
    {
        if (options.AuthFile is { Length: > 0 } chosen)
        {
            return [chosen];
        }

        if (Variable("REGISTRY_AUTH_FILE") is { } file)
        {
            return [file];
        }

        string home = Variable("HOME") ?? "/";
        string?[] files =
        [
            Variable("XDG_RUNTIME_DIR") is { } runtime ? $"{runtime}/containers/auth.json" : null,
            $"{Variable("XDG_CONFIG_HOME") ?? home + "/.config"}/containers/auth.json",
            $"{Variable("DOCKER_CONFIG") ?? home + "/.docker"}/config.json",
        ];
        return files.OfType<string>();
    }

    private static async Task<RegistryCredentials?> FindAsync(string path, string registry, string repository, CancellationToken cancellation)
    {
        AuthFileDocument? document = Read(path);
        if (document is null)
        {
            return null;
        }

        string[] keys = [.. Keys(registry, repository)];
        foreach (string key in keys)
        {
            if (document.CredentialHelpers?.GetValueOrDefault(key) is { Length: > 0 } helper)
            {
                return await CredentialHelper.GetAsync(helper, key, cancellation).ConfigureAwait(false);
            }
        }

        foreach (string key in keys)
        {
            if (document.Auths?.GetValueOrDefault(key) is { } entry && ToCredentials(entry, path, key) is { } credentials)
            {
                return credentials;
            }
        }

        return document.CredentialsStore is { Length: > 0 } store
            ? await CredentialHelper.GetAsync(store, registry == ImageName.DockerHub ? DockerHubKey : registry, cancellation).ConfigureAwait(false)
            : null;
    }

    /// <summary>What an entry may be named by, the most specific first: podman knows paths, docker has written addresses.</summary>
    private static IEnumerable<string> Keys(string registry, string repository)
    {
        for (string path = $"{registry}/{repository}"; path.Length > registry.Length; path = path[..path.LastIndexOf('/')])
        {
            yield return path;
        }

        yield return registry;
        if (registry == ImageName.DockerHub)
        {
            yield return DockerHubKey;
            yield return "index.docker.io";
            yield return "registry-1.docker.io";
        }

        foreach (string scheme in (string[])["https://", "http://"])
        {
            foreach (string ending in (string[])["", "/", "/v1/", "/v2/"])
            {
                yield return scheme + registry + ending;
            }
        }
    }

    private static RegistryCredentials? ToCredentials(AuthDocument entry, string path, string key)
    {
        if (entry.IdentityToken is { Length: > 0 } token)
        {
            return new RegistryCredentials("", "") { IdentityToken = token };
        }

        if (entry.Auth is not { Length: > 0 } auth)
        {
            return entry is { UserName: { Length: > 0 } name, Password: { } plain } ? new RegistryCredentials(name, plain) : null;
        }

        byte[] bytes = new byte[auth.Length];
        string text = Convert.TryFromBase64String(auth, bytes, out int length) ? Encoding.UTF8.GetString(bytes, 0, length) : "";
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 ? new RegistryCredentials(text[..colon], text[(colon + 1)..].TrimEnd('\0'))
            : throw new RegistryException($"{path}: the entry for \"{key}\" is no user and password in base64.", "docker login or podman login writes it anew.") { Registry = key };
    }

    private static AuthFileDocument? Read(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read);
            return file.Length > MaximumFile
                ? throw new RegistryException($"{path}: the file of credentials has {file.Length} bytes; {MaximumFile} are the most that make sense.")
                : file.Length == 0 ? null : JsonSerializer.Deserialize(file, RegistryJson.Default.AuthFileDocument);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null; // nobody has logged in
        }
        catch (JsonException exception)
        {
            throw new RegistryException($"{path}: the file of credentials is not the JSON that it should be: {exception.Message}", innerException: exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException($"{path}: the file of credentials cannot be read: {exception.Message}", innerException: exception);
        }
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
