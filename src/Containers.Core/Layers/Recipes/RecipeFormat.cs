namespace Containers.Layers.Recipes;

/// <summary>
/// A recipe: how a layer's tar is made again, byte for byte, of the files that were unpacked from it. It holds all bytes of the
/// tar that are no file's content, and for each content the file that has it now.
/// </summary>
/// <remarks>
/// <code>
/// "containers recipe 1\n", then deflated (RFC 1951) any number of:
///     LENGTH*4+0  LENGTH bytes of the tar
///     LENGTH*4+1  LENGTH bytes: a path in the tree; SIZE: so many bytes of the tar are the file's first ones
///     OFFSET*4+2  SIZE: so many bytes of the tar are the same file's from OFFSET on, as a sparse file has them
///     COUNT*8+3   COUNT zeros of the tar: most of its headers, and what fills blocks
///     LENGTH*8+7  the end, after a tar of LENGTH bytes
/// </code>
/// Numbers are LEB128. Files are counted from 0. One that a later entry of the same archive replaced has its content in aside/NUMBER
/// beside the tree, and no longer at its path.
/// </remarks>
internal static class RecipeFormat
{
    public const string FileName = "recipe";

    public const string AsideName = "aside";

    public const int Literal = 0, File = 1, Part = 2, Other = 3;

    /// <summary>Fewer zeros than this are bytes like others.</summary>
    public const int FewestZeros = 24;

    /// <summary>No path is longer: an archive's extended headers are not.</summary>
    public const int LongestPath = 16 << 20;

    public static ReadOnlySpan<byte> Magic => "containers recipe 1\n"u8;
}
