using Containers.Native;

namespace Containers.Storage;

/// <summary>Tells of a failure to unpack which image and layer it was.</summary>
internal static class UnpackFailure
{
    /// <summary>Runs, and puts the place before what goes wrong.</summary>
    public static T Explain<T>(Func<T> unpack, string where)
    {
        try
        {
            return unpack();
        }
        catch (LayerException exception)
        {
            throw new ImageException($"{where}: {exception.Message}", exception.Hint, exception);
        }
        catch (KernelException exception)
        {
            string? hint = exception.Errno is Errno.ENOSPC or Errno.EDQUOT ? $"The store's file system is full. {StoreLayout.Hint}" : exception.Hint;
            throw new KernelException($"{where}: {exception.Operation}", exception.Operand, exception.Errno, hint);
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new ImageException($"{where}: {exception.Message}", innerException: exception);
        }
    }
}
