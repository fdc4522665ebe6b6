using System.Text.Json.Serialization;

namespace Containers.Security.Seccomp;

/// <summary>A profile as the OCI runtime specification writes it (config-linux.md, "Seccomp"), and as Docker does with more conditions.</summary>
internal sealed record SeccompDocument
{
    public string? DefaultAction { get; init; }

    public uint? DefaultErrnoRet { get; init; }


    public List<string>? Architectures { get; init; }

    public List<ArchitectureDocument>? ArchMap { get; init; }

    public List<string>? Flags { get; init; }

    public List<CallsDocument>? Syscalls { get; init; }
}

internal sealed record ArchitectureDocument(string? Architecture, List<string>? SubArchitectures);

internal sealed record CallsDocument
{
    public List<string>? Names { get; init; }

    /// <summary>Docker's older form.</summary>
    public string? Name { get; init; }

    public string? Action { get; init; }

    public uint? ErrnoRet { get; init; }

    public List<ArgumentDocument>? Args { get; init; }

    public FilterDocument? Includes { get; init; }

    public FilterDocument? Excludes { get; init; }
}

internal sealed record ArgumentDocument(int? Index, ulong? Value, ulong? ValueTwo, string? Op);

/// <summary>Docker's conditions on a rule.</summary>
internal sealed record FilterDocument
{
    public List<string>? Caps { get; init; }

    public List<string>? Arches { get; init; }

    public string? MinKernel { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(SeccompDocument))]
internal sealed partial class SeccompJson : JsonSerializerContext;
