using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Containers.Images.Archives;

/// <summary>An image's config after it was read and checked.</summary>
/// <param name="Id">Its digest, the image's id.</param>
/// <param name="Run">How the image is run.</param>
/// <param name="DiffIds">Digests of the layers' tars, lowest first.</param>
/// <param name="CreatedBy">For each layer the command that made it, or null.</param>
internal sealed record Config(string Id, ImageConfig Run, IReadOnlyList<string> DiffIds, IReadOnlyList<string?> CreatedBy)
{
    /// <summary>When the image was made, where it says so.</summary>
    public DateTimeOffset? Created { get; private init; }

    /// <summary>Who made it; empty when nothing is said.</summary>
    public string Author { get; private init; } = "";

    /// <summary>Operating system, architecture and variant, as in linux/arm64/v8.</summary>
    public string Platform { get; private init; } = "";

    /// <summary>All steps of its making.</summary>
    public IReadOnlyList<ImageHistory> History { get; private init; } = [];

    /// <summary>Reads a config and checks that this machine can run what it describes.</summary>
    /// <param name="json">The document.</param>
    /// <param name="where">The archive and the name in it, for messages.</param>
    /// <param name="layers">How many layers the manifest lists; null where that was checked before.</param>
    /// <exception cref="ImageException">It is wrong, or meant for another machine.</exception>
    public static Config Parse(byte[] json, string where, int? layers)
    {
        Config config = Describe(json, where, layers);
        CheckMachine(config.Run, where);
        return config;
    }

    /// <summary>Reads a config that has to be for a certain machine, which need not be this one.</summary>
    /// <exception cref="ImageException">It is wrong, or for another.</exception>
    public static Config ForPlatform(byte[] json, string where, int layers, Manifests.ImagePlatform platform)
    {
        Config config = Describe(json, where, layers);
        return config.Run.Os == platform.Os && config.Run.Architecture == platform.Architecture
            ? config
            : throw new ImageException($"{where}: the image is for {config.Platform}, and {platform} was asked for.");
    }

    /// <summary>Reads a config, whatever machine it is for.</summary>
    /// <exception cref="ImageException">It is wrong.</exception>
    public static Config Describe(byte[] json, string where, int? layers)
    {
        ConfigDocument document = Read(json, where);
        IReadOnlyList<string> diffIds = document.Rootfs?.DiffIds
            ?? ((layers is null or 0) && document.Rootfs is not null ? Array.Empty<string>() : null) // an image of nothing but a config
            ?? throw new ImageException($"{where}: the image's config has no rootfs.diff_ids.");
        if (layers is not null && diffIds.Count != layers)
        {
            throw new ImageException($"{where}: the config lists {diffIds.Count} layers (rootfs.diff_ids) and the manifest {layers}.");
        }

        if (diffIds.Any(id => !Digest.IsValid(id)))
        {
            throw new ImageException($"{where}: \"{diffIds.First(id => !Digest.IsValid(id))}\" in rootfs.diff_ids is no digest.", "A digest is sha256: and 64 lower-case hexadecimal digits.");
        }

        ImageConfig run = ToImageConfig(document, where);
        return new Config(Digest.Of(json), run, diffIds, MadeBy(document, diffIds.Count))
        {
            Created = Time(document.Created),
            Author = document.Author ?? "",
            Platform = string.Join('/', ((string?[])[document.Os, document.Architecture, document.Variant]).Where(part => !string.IsNullOrEmpty(part))),
            History = [.. (document.History ?? []).Where(step => step is not null).Select(step
                => new ImageHistory(Time(step.Created), step.CreatedBy ?? "", step.Author ?? "", step.Comment ?? "", step.EmptyLayer))],
        };
    }

    private static ConfigDocument Read(byte[] json, string where)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ImageJson.Default.ConfigDocument)
                ?? throw new ImageException($"{where}: the image's config is null.");
        }
        catch (JsonException exception)
        {
            throw new ImageException($"{where}: the image's config is not the JSON that it should be: {exception.Message}", innerException: exception);
        }
    }

    private static ImageConfig ToImageConfig(ConfigDocument document, string where)
    {
        ConfigDocument.RunDocument run = document.Config ?? new();
        return new ImageConfig
        {
            Entrypoint = Strings(run.Entrypoint, "Entrypoint", where),
            Cmd = Strings(run.Cmd, "Cmd", where),
            Env = Strings(run.Env, "Env", where),
            WorkingDir = Text(run.WorkingDir, "WorkingDir", where),
            User = Text(run.User, "User", where),
            StopSignal = Text(run.StopSignal, "StopSignal", where),
            Labels = run.Labels ?? [],
            ExposedPorts = [.. (run.ExposedPorts ?? []).Keys],
            Volumes = [.. (run.Volumes ?? []).Keys],
            Architecture = document.Architecture ?? "",
            Os = document.Os ?? "",
        };
    }

    // One that is no time is told by nobody: nothing depends on it.
    private static DateTimeOffset? Time(string? text)
        => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time) ? time : null;

    private static string Text(string? text, string name, string where) => text is null ? "" : Strings([text], name, where)[0];

    // A NUL would end the string for the kernel and hide what stands behind it.
    private static IReadOnlyList<string> Strings(IReadOnlyList<string>? list, string name, string where)
        => list is null ? []
        : list.Any(text => text is null || text.Contains('\0', StringComparison.Ordinal))
            ? throw new ImageException($"{where}: {name} in the image's config has a null or a NUL character in it.")
            : list;

    private static void CheckMachine(ImageConfig config, string where)
    {
        string machine = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => "amd64",
            Architecture.Arm64 => "arm64",
            Architecture other => other.ToString().ToLowerInvariant(),
        };

        // Nothing said is no contradiction: images made from scratch by simple tools say nothing.
        if (config.Os is not ("" or "linux"))
        {
            throw new ImageException($"{where}: the image is for the operating system \"{config.Os}\", and this is linux.");
        }

        if (config.Architecture.Length > 0 && config.Architecture != machine)
        {
            throw new ImageException($"{where}: the image is for the architecture \"{config.Architecture}\", and this machine is {machine}.",
                "Save the image's variant for this machine.");
        }
    }

    /// <summary>The history has an entry for every step, and those that made no layer say so.</summary>
    private static string?[] MadeBy(ConfigDocument document, int layers)
    {
        string?[] createdBy = new string?[layers];
        string?[] made = [.. (document.History ?? []).Where(step => step is { EmptyLayer: false }).Select(step => step.CreatedBy)];
        if (made.Length == layers) // otherwise it cannot be said which is whose
        {
            made.CopyTo(createdBy, 0);
        }

        return createdBy;
    }
}
