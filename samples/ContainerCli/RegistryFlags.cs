using System.CommandLine;
using Containers;

namespace ContainerCli;

/// <summary>How registries are reached: flags that all commands take.</summary>
internal static class RegistryFlags
{
    private static readonly Option<string[]> s_insecure = new("--insecure-registry") { Description = "A registry without TLS, or with a certificate that nobody vouches for; again for more", HelpName = "HOST", Recursive = true };
    private static readonly Option<string?> s_authFile = new("--authfile") { Description = "Credentials, as ~/.docker/config.json has them", HelpName = "FILE", Recursive = true };

    public static void AddTo(Command root)
    {
        root.Options.Add(s_insecure);
        root.Options.Add(s_authFile);
    }

    public static RegistryOptions Of(ParseResult parsed)
        => RegistryOptions.Default with { InsecureRegistries = parsed.GetValue(s_insecure) ?? [], AuthFile = parsed.GetValue(s_authFile) };
}
