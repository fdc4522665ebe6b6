using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Containers.Images.Manifests;

/// <summary>A machine that images are for, in Go's words: <c>linux/amd64</c>, <c>linux/arm/v7</c>.</summary>
/// <param name="Os">The operating system.</param>
/// <param name="Architecture">The processor's architecture.</param>
/// <param name="Variant">The most that it can do, such as v7; null where there is no choice.</param>
internal sealed record ImagePlatform(string Os, string Architecture, string? Variant)
{
    /// <summary>This machine.</summary>
    public static ImagePlatform Host { get; } = new("linux", HostArchitecture(), HostVariant());

    public override string ToString() => Variant is null ? $"{Os}/{Architecture}" : $"{Os}/{Architecture}/{Variant}";

    /// <exception cref="ImageException">The text is no platform.</exception>
    public static ImagePlatform Parse(string text)
    {
        string[] parts = text.Split('/');
        if (parts.Length is not (2 or 3) || parts.Any(part => part.Length == 0 || part.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or '.'))))
        {
            throw new ImageException($"The platform \"{text}\" is none.", "Write OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as linux/arm64.");
        }

        (string architecture, string? variant) = parts[1] switch
        {
            "x86_64" => ("amd64", null),
            "aarch64" => ("arm64", null),
            "armhf" => ("arm", "v7"),
            "armel" => ("arm", "v6"),
            string other => (other, null),
        };
        return new(parts[0], architecture, parts.Length == 3 ? parts[2] : variant);
    }

    /// <summary>How well an image for another platform runs here: the higher the better; null when it does not.</summary>
    public int? Rank(PlatformDocument candidate)
    {
        if (candidate.Os != Os || candidate.Architecture != Architecture)
        {
            return null;
        }

        // Variants are levels, each of which runs what is for those below. What says nothing is for the level that was there first, and on arm for the one that was usual.
        int usual = Architecture switch { "amd64" => 1, "arm64" => 8, "arm" => 7, _ => 0 };
        if (usual == 0)
        {
            return string.IsNullOrEmpty(candidate.Variant) ? 0 : candidate.Variant == Variant ? 1 : null;
        }

        return Level(candidate.Variant, usual) is { } level && level <= (Level(Variant, usual) ?? usual) ? level : null;
    }

    private static int? Level(string? variant, int usual)
        => string.IsNullOrEmpty(variant) ? usual : variant is ['v', >= '1' and <= '9' and char digit] ? digit - '0' : null;

    private static string HostArchitecture() => RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        System.Runtime.InteropServices.Architecture.Armv6 => "arm",
        var other => other.ToString().ToLowerInvariant(),
    };

    // The levels of the x86-64 psABI, as far as the runtime tells: 2 has SSE4.2, 3 AVX2, 4 AVX-512.
    private static string? HostVariant() => RuntimeInformation.ProcessArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 when Avx512F.IsSupported && Avx512BW.IsSupported && Avx512CD.IsSupported && Avx512DQ.IsSupported => "v4",
        System.Runtime.InteropServices.Architecture.X64 when Avx2.IsSupported && Bmi2.IsSupported && Fma.IsSupported && Lzcnt.IsSupported => "v3",
        System.Runtime.InteropServices.Architecture.X64 when Sse42.IsSupported && Popcnt.IsSupported => "v2",
        System.Runtime.InteropServices.Architecture.Arm64 => "v8",
        System.Runtime.InteropServices.Architecture.Arm => "v7",
        System.Runtime.InteropServices.Architecture.Armv6 => "v6",
        _ => null,
    };
}
