using System.Buffers;
using System.Security.Cryptography;

namespace Containers.Images;

/// <summary>Digests as images write them: <c>sha256:</c> and 64 lower-case hexadecimal digits.</summary>
internal static class Digest
{
    public const string Prefix = "sha256:";

    private static readonly SearchValues<char> s_hex = SearchValues.Create("0123456789abcdef");

    public static string Of(ReadOnlySpan<byte> content) => Prefix + Convert.ToHexStringLower(SHA256.HashData(content));

    public static bool IsValid(string? digest)
        => digest is { Length: 71 } && digest.StartsWith(Prefix, StringComparison.Ordinal) && IsHex(digest.AsSpan(Prefix.Length));

    public static bool IsHex(ReadOnlySpan<char> text) => text.Length == 64 && text.IndexOfAnyExcept(s_hex) < 0;

    /// <summary>The digits of a digest that is valid.</summary>
    public static string Hex(string digest) => digest[Prefix.Length..];
}
